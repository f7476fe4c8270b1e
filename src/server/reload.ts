/**
 * Reloads the configuration while the server runs. The new file is checked as a whole first, and a fault changes nothing. Then the settings
 * of the server come into force, and after them the projects follow their entries, one by one, in the turn in which the API changes
 * projects as well.
 */
import type { TypedKeyMemory } from '../auth/known-keys.js';
import { systemClock } from '../base/clock.js';
import { AppError } from '../base/app-error.js';
import type { Logger } from '../base/logger.js';
import { ANY_ORIGIN } from '../base/origin.js';
import { adoptKeys } from '../config/adopt-keys.js';
import type { Announcer } from '../config/announcer.js';
import { compareOptions } from '../config/compare-options.js';
import { ConfigError } from '../config/config-error.js';
import type { ConfigDocument } from '../config/config-document.js';
import type { ConfigFile } from '../config/config-file.js';
import { type LoadedConfig, loadConfig } from '../config/load-config.js';
import { attributed, type OutsideSetting } from '../config/outside-settings.js';
import { resolveServerOptions, type ServerOptions } from '../config/server-options.js';
import { readTlsFiles, type TlsFiles } from '../config/tls-files.js';
import type { Reload, ReloadOutcome } from '../http/http-parts.js';
import type { OpenScopes } from '../projects/open-scopes.js';
import type { ProjectManager } from '../projects/project-manager.js';
import type { ProjectServices } from '../projects/project-resources.js';
import { applyGlobalKeys, applyReload } from '../projects/reload/apply-reload.js';
import { foreseen, planReload, type ReloadStep } from '../projects/reload/plan-reload.js';
import type { LiveSettings } from './live-settings.js';
import { learnTyped, saveAdopted, showGenerated } from './take-config.js';

/** How a reload ended, for an observer. */
export type ReloadEnd = { readonly ok: true; readonly outcome: ReloadOutcome } | { readonly ok: false; readonly error: unknown };

/** What reloading needs. */
interface ReloaderParts {
  readonly config: ConfigFile;
  readonly outside: readonly OutsideSetting[];
  readonly live: LiveSettings;
  readonly manager: ProjectManager;
  readonly scopes: OpenScopes;
  readonly knownKeys: TypedKeyMemory;
  readonly announcer: Announcer;
  readonly logger: Logger;
  /** Aborted at shutdown. */
  readonly signal: AbortSignal;
  /** Called at the end of every reload that was not a trial. */
  readonly onReload?: ((end: ReloadEnd) => void) | undefined;
}

/** A checked configuration, and what it would change. */
interface CheckedReload {
  readonly loaded: LoadedConfig;
  readonly adopted: Awaited<ReturnType<typeof adoptKeys>>;
  readonly options: ServerOptions;
  readonly tls: TlsFiles | null;
  readonly steps: readonly ReloadStep[];
  readonly outcome: ReloadOutcome;
}

/** Reloads the configuration of a running server. */
export class Reloader {
  readonly #parts: ReloaderParts;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /**
   * Reloads the file, or only says what that would change.
   *
   * @throws {AppError} `invalid_config` if the file cannot be used; `config_changed` if it is edited at the same time;
   *   `config_write_failed` if API keys were typed or generated and the file cannot be replaced. Nothing has changed then
   */
  readonly reload: Reload = async ({ isTrial }, context) => {
    const { manager, onReload } = this.#parts;
    try {
      const outcome = await manager.inTurn(context, async (services, allowed) => {
        const checked = await this.#check(services);
        return isTrial ? checked.outcome : await this.#apply(services, allowed, checked);
      });
      if (!isTrial) onReload?.({ ok: true, outcome });
      return outcome;
    } catch (thrown) {
      const error = refusalOf(attributed(thrown, this.#parts.outside), this.#parts.config.path);
      if (!isTrial) onReload?.({ ok: false, error });
      throw error;
    }
  };

  async #check(services: ProjectServices): Promise<CheckedReload> {
    const { config, outside, live } = this.#parts;
    const loaded = await loadConfig(config.path, outside);
    if (loaded === undefined) throw new ConfigError({ pointer: '', expected: 'there is no such file', kind: 'stated' });
    const wanted = resolveServerOptions(loaded.inForce, loaded.folder);
    const { options, changed, needsRestart } = compareOptions(live.options, wanted);
    const read = wanted.tls === null ? null : await readTlsFiles(wanted.tls, systemClock.wallMs());
    const tls = options.tls === null ? null : read ?? live.tls;
    const adopted = await adoptKeys(loaded.document, options.authentication);
    const steps = await planReload(services, adopted.document);
    refuseOpenTo(options, services, steps);
    const outcome = {
      changed: [
        ...changed, ...(isSameTls(live.tls, tls) ? [] : ['tls']), ...globalKeyChanges(config.document, adopted.document),
      ],
      needsRestart,
      projects: steps.map((step) => foreseen(services, adopted.document, step)),
    };
    return { loaded, adopted, options, tls, steps, outcome };
  }

  async #apply(
    services: ProjectServices, context: Parameters<Reload>[1], { loaded, adopted, options, tls, steps, outcome }: CheckedReload,
  ): Promise<ReloadOutcome> {
    const { config, live, logger, announcer, knownKeys, signal, scopes } = this.#parts;
    for (const warning of [...loaded.warnings, ...(tls?.warnings ?? [])]) logger.warn(warning);
    const undo = await config.take(loaded);
    try {
      showGenerated(adopted.generated, { announcer, logger, isShown: options.print_api_keys });
      await saveAdopted({ config, loaded, logger }, adopted);
    } catch (error) {
      undo();
      throw error;
    }
    learnTyped(knownKeys, adopted.typed);
    await live.take(options, tls);
    const reloading = { services, context, signal, isForEveryOrigin: options.allowed_origins.includes(ANY_ORIGIN) };
    if (outcome.changed.some((name) => GLOBAL_KEYS.includes(name))) await applyGlobalKeys(reloading);
    const projects = await applyReload(reloading, steps);
    const done = { ...outcome, projects };
    logger.info({ changed: done.changed, needs_restart: done.needsRestart, projects }, 'the configuration was reloaded');
    if (hasOpened(done)) scopes.warnOfOpen(logger);
    return done;
  }
}

const GLOBAL_KEY = 'default.authentication.api_key';
const GLOBAL_LIST = 'default.authentication.api_keys';
const GLOBAL_KEYS: readonly string[] = [GLOBAL_KEY, GLOBAL_LIST];

function globalKeyChanges({ default: before }: ConfigDocument, { default: after }: ConfigDocument): readonly string[] {
  const [old, next] = [before?.authentication, after?.authentication];
  const isOther = (old?.api_key_hash ?? null) !== (next?.api_key_hash ?? null) || (old?.api_key ?? null) !== (next?.api_key ?? null);
  const isListOther = JSON.stringify(old?.api_keys ?? []) !== JSON.stringify(next?.api_keys ?? []);
  return [...(isOther ? [GLOBAL_KEY] : []), ...(isListOther ? [GLOBAL_LIST] : [])];
}

function isSameTls(before: TlsFiles | null, after: TlsFiles | null): boolean {
  if (before === null || after === null) return before === after;
  return before.key.equals(after.key) && before.cert.equals(after.cert);
}

/** Projects whose log decides may be open although their entries are not. */
function refuseOpenTo({ allowed_origins: origins }: ServerOptions, { table }: ProjectServices, steps: readonly ReloadStep[]): void {
  if (!origins.includes(ANY_ORIGIN)) return;
  const ended = new Set(steps.flatMap((step) => (step.kind === 'end' ? [step.id] : [])));
  const settings = new Map(steps.flatMap((step) => (step.kind === 'compare' ? [[step.entry.id, step.settings] as const] : [])));
  for (const project of table.list()) {
    if (project.kind !== 'served' || ended.has(project.store.id)) continue;
    const { id } = project.store;
    if ((settings.get(id) ?? project.store.settings).authentication.enabled) continue;
    const expected = `exact origins: by its log, authentication is off for "${id}", which every web page could read and change`;
    throw new ConfigError({ pointer: '/allowed_origins', found: `a list with "${ANY_ORIGIN}"`, expected });
  }
}

function hasOpened({ changed, projects }: ReloadOutcome): boolean {
  return changed.includes('default.authentication.enabled')
    || projects.some((project) => project.outcome === 'created' || project.changed?.includes('authentication.enabled') === true);
}

function refusalOf(error: unknown, file: string): unknown {
  if (!(error instanceof ConfigError)) return error;
  const { pointer, found, expected } = error;
  const facts = { pointer, ...(found === undefined ? {} : { found }), expected };
  return new AppError('invalid_config', error.inFile(file).message, { facts });
}
