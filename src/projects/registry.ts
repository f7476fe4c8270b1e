/**
 * The registry, `_server.jsonl`: which projects exist on disk, which were deleted, which edits by hand took effect.
 * Its last line about a project decides whether that project exists.
 */
import pLimit from 'p-limit';
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import { randomHexId } from '../base/random-id.js';
import { encodeEvent } from '../events/codec.js';
import { isServerEvent, type ServerEvent } from '../events/event.js';
import { BUILT_IN_STORAGE } from '../events/project-settings.js';
import type { Log, LogHome, LogState } from '../log/log.js';
import { Registrations } from '../projections/registrations.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { CommandContext } from '../store/command.js';
import { logOptionsOf } from '../store/project-store.js';
import { RegistrySnapshots } from './registry-snapshots.js';
import { adviceOn, refusalCodeOf } from './refusal.js';
import { replayInto } from './replay-into.js';

/** Name of the registry. No project id begins with `_`. */
export const REGISTRY_NAME = '_server';

const REGISTRY_EFFECT = 'projects are served, none can be created, deleted or given another key';

const REGISTRY_OPTIONS = logOptionsOf(BUILT_IN_STORAGE);

/** Where the registry is kept. */
export interface RegistryFiles {
  readonly diskHome: LogHome;
  /** The snapshots of a log, by its name. */
  readonly snapshots: (name: string) => SnapshotFolder;
  readonly logger: Logger;
  /** The configuration, for the command that repairs. */
  readonly config?: { readonly path: string };
}

/** How the registry stands: as any open log, or `damaged` since the start. */
export type RegistryState = LogState | 'damaged';

/** The open registry. */
export class Registry {
  /** What the log amounts to. Empty when the log is damaged. */
  readonly registrations: Registrations;
  /** Undefined when the log is damaged. */
  readonly #log: Log | undefined;
  /** One append at a time: compactions record what they did while projects are created and deleted. */
  readonly #one = pLimit(1);
  readonly #snapshots: RegistrySnapshots;

  private constructor(log: Log | undefined, registrations: Registrations, snapshots: RegistrySnapshots) {
    this.#log = log;
    this.registrations = registrations;
    this.#snapshots = snapshots;
  }

  /**
   * Opens the registry. A damaged one is named, and projects are served without it.
   *
   * @param place where logs and their snapshots are kept, and where damage is logged
   * @returns the registry, undefined when there is no registry yet
   */
  static async open(place: RegistryFiles): Promise<Registry | undefined> {
    const { diskHome: home, logger } = place;
    const snapshots = new RegistrySnapshots(place.snapshots(REGISTRY_NAME), logger);
    try {
      const logId = await home.identify(REGISTRY_NAME);
      const { registrations, ...known } = logId === undefined ? { registrations: new Registrations() } : await snapshots.load(logId);
      const replay = replayInto(registrations, 'the server', isServerEvent);
      const log = await home.open(REGISTRY_NAME, { ...REGISTRY_OPTIONS, ...known, replay });
      return log && new Registry(log, registrations, snapshots);
    } catch (error) {
      const isNewer = refusalCodeOf(error) === 'project_newer_format';
      const advice = place.config && adviceOn(error, { project: REGISTRY_NAME, configPath: place.config.path });
      const whatToDo = isNewer || advice === undefined ? advice : `${advice}. Every project keeps its own log; at stake is only what ` +
        'the registry alone knows: which projects were deleted or have left the disk';
      if (isNewer) logger.error({ err: error, what_to_do: whatToDo }, `the registry was written by a newer version: ${REGISTRY_EFFECT}`);
      else logger.error({ err: error, what_to_do: whatToDo }, `the registry cannot be trusted: ${REGISTRY_EFFECT}`);
      return new Registry(undefined, new Registrations(), snapshots);
    }
  }

  /** Makes a new registry. */
  static async create(place: RegistryFiles): Promise<Registry> {
    const snapshots = new RegistrySnapshots(place.snapshots(REGISTRY_NAME), place.logger);
    const log = await place.diskHome.create(REGISTRY_NAME, { ...REGISTRY_OPTIONS, logId: randomHexId() });
    return new Registry(log, new Registrations(), snapshots);
  }

  /** True when the log cannot be trusted, so that nothing may depend on it. */
  get isCorrupt(): boolean {
    return this.#log === undefined;
  }

  /** How the log stands now. */
  get state(): RegistryState {
    return this.#log?.state() ?? 'damaged';
  }

  /** @throws {AppError} `server_log_corrupt` when nothing can be recorded */
  requireSound(): void {
    if (this.isCorrupt) throw new AppError('server_log_corrupt', 'Cannot do this: the registry is damaged; the server log says where');
  }

  /**
   * Looks whether events can be recorded now, before anything is changed that rests on it.
   *
   * @throws {AppError} `server_log_corrupt`; `disk_full` and `log_failed` as an append would
   */
  requireWritable(): void {
    this.requireSound();
    if (this.state === 'read_only') throw new AppError('disk_full', 'Cannot do this: the registry takes no lines until the disk has room');
    if (this.state === 'failed') throw new AppError('log_failed', 'Cannot do this: the registry failed; start the server again');
  }

  /**
   * Records an event; it is durable when the call resolves.
   *
   * @throws {AppError} `server_log_corrupt`, and what an append throws
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

  /** Closes the log. */
  async close(): Promise<void> {
    await this.#one(async () => {
      await this.#log?.close();
      await this.#snapshots.close();
    });
  }
}
