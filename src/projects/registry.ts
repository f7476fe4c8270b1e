/**
 * The registry, `_server.jsonl`: which projects exist on disk, which were deleted, which edits by hand took effect. Its last line about a
 * project decides whether that project exists.
 */
import pLimit from 'p-limit';
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import { randomHexId } from '../base/random-id.js';
import { encodeEvent } from '../events/codec.js';
import { isServerEvent, type ServerEvent } from '../events/event.js';
import { BUILT_IN_STORAGE } from '../events/project-settings.js';
import type { LogHome } from '../log/log-home.js';
import type { Log, LogState } from '../log/log.js';
import type { FixedLog } from '../log/fixed-log.js';
import { Registrations } from '../projections/registrations.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { CommandContext } from '../store/command.js';
import { logOptionsOf } from '../store/project-store.js';
import { adviceOn, refusalCodeOf } from './refusal.js';
import { RegistrySnapshots } from './registry-snapshots.js';
import { replayInto } from './replay-into.js';

/** Name of the registry. No project id begins with `_`. */
export const REGISTRY_NAME = '_server';

const EFFECT = 'projects are served, but none can be created or deleted or get another API key';

const REGISTRY_OPTIONS = logOptionsOf(BUILT_IN_STORAGE);

/** The files of the registry, and where their damage is logged. */
export interface RegistryFiles {
  readonly diskHome: LogHome;
  /** The snapshots of a log, by its name. */
  readonly snapshots: (name: string) => SnapshotFolder;
  readonly logger: Logger;
  /** The configuration, quoted in the command that repairs. */
  readonly config?: { readonly path: string };
}

/** The state of the registry: that of any open log, or `damaged` since startup. */
export type RegistryState = LogState | 'damaged';

/** The open registry. */
export class Registry {
  /** The content of the registry. Empty if it is damaged. */
  readonly registrations: Registrations;
  /** Undefined if the registry is damaged. */
  readonly #log: Log | undefined;
  /** One append at a time: compactions record their results while projects are created and deleted. */
  readonly #one = pLimit(1);
  readonly #snapshots: RegistrySnapshots;

  private constructor(log: Log | undefined, registrations: Registrations, snapshots: RegistrySnapshots) {
    this.#log = log;
    this.registrations = registrations;
    this.#snapshots = snapshots;
  }

  /**
   * Opens the registry. If it is damaged, that is logged, and projects are served without it.
   *
   * @returns undefined if there is no registry yet
   */
  static async open({ diskHome, logger, config, snapshots: foldersOf }: RegistryFiles): Promise<Registry | undefined> {
    const snapshots = new RegistrySnapshots(foldersOf(REGISTRY_NAME), logger);
    try {
      const logId = await diskHome.identify(REGISTRY_NAME);
      const { registrations, ...known } = logId === undefined ? { registrations: new Registrations() } : await snapshots.load(logId);
      const replay = replayInto(registrations, 'the server', isServerEvent);
      const log = await diskHome.open(REGISTRY_NAME, { ...REGISTRY_OPTIONS, ...known, replay });
      return log && new Registry(log, registrations, snapshots);
    } catch (error) {
      const isNewer = refusalCodeOf(error) === 'project_newer_format';
      const advice = config && adviceOn(error, { project: REGISTRY_NAME, configPath: config.path });
      const whatToDo = isNewer || advice === undefined ? advice : `${advice}. Every project has its own log; only the registry knows ` +
        'which projects were deleted or moved to memory, and nothing else is at stake';
      if (isNewer) logger.error({ err: error, what_to_do: whatToDo }, `the registry was written by a newer version: ${EFFECT}`);
      else logger.error({ err: error, what_to_do: whatToDo }, `the registry cannot be trusted: ${EFFECT}`);
      return new Registry(undefined, new Registrations(), snapshots);
    }
  }

  /** Creates an empty registry. */
  static async create({ diskHome, logger, snapshots }: RegistryFiles): Promise<Registry> {
    const log = await diskHome.create(REGISTRY_NAME, { ...REGISTRY_OPTIONS, logId: randomHexId() });
    return new Registry(log, new Registrations(), new RegistrySnapshots(snapshots(REGISTRY_NAME), logger));
  }

  /** True if the registry cannot be trusted, so that nothing may depend on it. */
  get isCorrupt(): boolean {
    return this.#log === undefined;
  }

  /** The state of the registry now. */
  get state(): RegistryState {
    return this.#log?.state() ?? 'damaged';
  }

  /** The files of the registry as they are now; undefined if it is damaged. */
  extent(): FixedLog | undefined {
    return this.#log?.extent?.();
  }

  /** @throws {AppError} `server_log_corrupt` if nothing can be recorded */
  requireSound(): void {
    if (this.isCorrupt) throw new AppError('server_log_corrupt', 'Cannot do this: the registry is damaged; the server log says where');
  }

  /**
   * Checks that events can be recorded, before any change that depends on it.
   *
   * @throws {AppError} `server_log_corrupt`; `disk_full` and `log_failed` as an append would
   */
  requireWritable(): void {
    this.requireSound();
    if (this.state === 'read_only') throw new AppError('disk_full', 'Cannot do this: the registry accepts no lines while the disk is full');
    if (this.state === 'failed') throw new AppError('log_failed', 'Cannot do this: the registry has failed; restart the server');
  }

  /**
   * Records an event; it is durable when the call resolves.
   *
   * @throws {AppError} `server_log_corrupt`, and the errors of an append
   */
  async record(event: ServerEvent, context: CommandContext): Promise<void> {
    this.requireSound();
    const log = this.#log;
    invariant(log !== undefined, 'a sound registry has a log');
    const draft = { ...encodeEvent(event), actor: context.actor, request: context.requestId };
    await this.#one(async () => {
      const [line] = await log.append([draft], log.position().seq);
      invariant(line !== undefined, 'the log answers every draft');
      this.registrations.apply({ event, seq: line.seq, timeMs: line.timeMs, hash: line.hash, actor: context.actor });
      await this.#snapshots.makeIfDue(log, this.registrations, line.timeMs);
    });
  }

  /** Closes the registry. */
  async close(): Promise<void> {
    await this.#one(async () => {
      await this.#log?.close();
      await this.#snapshots.close();
    });
  }
}
