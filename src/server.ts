/**
 * The composition root, and the only file that knows every room: builds a listening server from a configuration file. At shutdown, and
 * when a later step of the startup fails, it closes HTTP first and then everything else in reverse order.
 */
import { FailedKeyThrottle } from './auth/failed-key-throttle.js';
import type { TypedKeyMemory } from './auth/known-keys.js';
import { AppError, isErrno } from './base/app-error.js';
import { systemClock } from './base/clock.js';
import { logFailure } from './base/log-failure.js';
import type { AdjustableLogger, Logger, LogLevel, ServerLogHealth } from './base/logger.js';
import { readPackageVersion } from './base/package-version.js';
import type { TypedKey } from './config/adopt-keys.js';
import type { Announcer } from './config/announcer.js';
import { ConfigError } from './config/config-error.js';
import type { ConfigFile } from './config/config-file.js';
import { KnownKeysFile } from './config/known-keys-file.js';
import type { ServerOptions } from './config/server-options.js';
import type { GlobalKeySource } from './config/global-key-file.js';
import { attributed, type OutsideSetting } from './config/outside-settings.js';
import { openFoundConfig, readStartSource, type StartSource } from './config/start-source.js';
import { makeDataFolder, removeEmptyFolders } from './disk/data-folder.js';
import type { Disk } from './disk/disk.js';
import { IdleFiles } from './disk/idle-files.js';
import { LineFile } from './disk/line-file.js';
import { NodeDisk } from './disk/node-disk.js';
import { SpaceWatch } from './disk/space-watch.js';
import type { LifecycleState, ReloadOutcome } from './http/http-parts.js';
import { HttpServer } from './http/http-server.js';
import { EventLoopTurns } from './http/event-loop-turns.js';
import { Pipeline } from './http/pipeline.js';
import { FileHome } from './log/file/file-home.js';
import { FolderLock } from './log/file/folder-lock.js';
import { LogPaths } from './log/file/log-paths.js';
import { NEWEST_FORMAT } from './log/log-format.js';
import { memoryHome } from './log/memory-home.js';
import { Metrics } from './metrics/metrics.js';
import { backupContent } from './offline/backup/backup-content.js';
import { folderQuestions } from './offline/folder-projects.js';
import { type TaskRunner, WorkerTasks } from './offline/tasks/worker-tasks.js';
import { RequestBudget } from './projections/requests/request-budget.js';
import { ScratchFolder } from './projections/snapshot/scratch-folder.js';
import { SnapshotFolder } from './projections/snapshot/snapshot-folder.js';
import { ValueCache } from './projections/value-cache.js';
import { CheckpointWriter } from './projects/checkpoint-writer.js';
import { configContext } from './projects/start/config-context.js';
import type { Adoption } from './projects/start/adopt-projects.js';
import { OpenScopes } from './projects/open-scopes.js';
import { ProjectManager } from './projects/project-manager.js';
import type { ProjectResources } from './projects/project-resources.js';
import { REGISTRY_NAME } from './projects/registry.js';
import { factSource } from './server/fact-source.js';
import { shutdownMsOf } from './server/http-options-of.js';
import { listen } from './server/listen.js';
import { LiveSettings } from './server/live-settings.js';
import { type ReloadEnd, Reloader } from './server/reload.js';
import { keyringFor, learnTyped, takeConfig } from './server/take-config.js';
import { ProjectTable } from './store/project-table.js';

/** Share of the shutdown time for the last checkpoints. */
const CHECKPOINTS_SHARE_OF_STOP = 0.05;

const MS_PER_SECOND = 1000;

/** The parts of a server. */
export interface ServerParts {
  /** Path of the configuration file; it is created if it does not exist. */
  readonly configPath: string;
  /**
   * True: projects in the data folder that the configuration does not name get an entry, and a new API key unless they need none.
   * @default false
   */
  readonly adopt?: boolean;
  /** Settings that override those of the file. @default none */
  readonly outside?: readonly OutsideSetting[];
  /** Where the global API key of a first run is. @default it is generated */
  readonly globalKey?: GlobalKeySource | undefined;
  readonly announcer: Announcer;
  /** Creates the logger of the server log. */
  readonly createLogger: (level: LogLevel) => AdjustableLogger;
  /** Called at the end of each reload of the configuration. @default nothing observes them */
  readonly onReload?: (end: ReloadEnd) => void;
  /** Creates what carries out work on files. @default threads */
  readonly createTasks?: () => TaskRunner;
  /** Whether the lines of that log are delivered, for the readiness probe; absent if that is unknown. */
  readonly serverLogHealth?: () => ServerLogHealth;
  /** The process id, shown to a second server that finds the data folder locked. */
  readonly pid: number;
  /** What else metrics show of the process. @default nothing */
  readonly processFacts?: { readonly nodeVersion: string; residentBytes(): number };
}

/** Facts about a started server. */
interface StartedServer {
  /** Its URL, such as `http://127.0.0.1:23849`. */
  readonly url: string;
  readonly logger: Logger;
}

/** A server; it starts once and closes once. */
export class SimpleKvServer {
  readonly #parts: ServerParts;
  /** Close everything that is open except HTTP, in the order of opening. */
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #metrics = new Metrics(REGISTRY_NAME);
  #http: HttpServer | undefined;
  #pipeline: Pipeline | undefined;
  #live: LiveSettings | undefined;
  #reloader: Reloader | undefined;
  #state: LifecycleState = 'starting';
  #starting: Promise<StartedServer> | undefined;
  #closing: Promise<void> | undefined;
  /** Aborted at shutdown: ends a startup in progress. */
  readonly #stopping = new AbortController();

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /**
   * Starts: configuration, lock, port, projects. Requests get 503 until the projects are replayed. If this rejects, everything opened so
   * far has been closed.
   *
   * @throws {ConfigError} for a configuration that cannot be used
   * @throws {FolderLockedError} if another server uses the data folder
   * @throws {ListeningError} if it cannot listen; nothing was written and no API key shown then
   * @throws {Error} the reason of the signal, if it is closed meanwhile
   */
  async start(): Promise<StartedServer> {
    try {
      this.#starting = this.#start();
      return await this.#starting;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #start(): Promise<StartedServer> {
    this.#stopping.signal.throwIfAborted();
    const { configPath, adopt = false, outside, globalKey } = this.#parts;
    const disk = new NodeDisk();
    const source = await readStartSource({
      configPath,
      adopt,
      outside,
      globalKey,
      ...folderQuestions(disk),
      nowMs: systemClock.wallMs(),
    });
    try {
      return await this.#startFrom(source);
    } catch (error) {
      const named = attributed(error, source.outside);
      throw named instanceof ConfigError ? named.inFile(source.path) : named;
    }
  }

  async #startFrom(source: StartSource): Promise<StartedServer> {
    const live = new LiveSettings(source.options, source.tls);
    this.#live = live;
    const { options } = live;
    const { signal } = this.#stopping;
    const logger = this.#parts.createLogger(options.log_level);
    live.follow(() => logger.setLevel?.(options.log_level));
    for (const warning of [...(source.loaded?.warnings ?? []), ...(source.tls?.warnings ?? [])]) logger.warn(warning);
    await this.#lock(source);
    const found = await openFoundConfig(source);
    const metrics = this.#metrics;
    const configureMetrics = (): void => metrics.configure({ projectsMax: options.metrics.projects_max });
    configureMetrics();
    live.follow(configureMetrics);
    const turns = new EventLoopTurns();
    const http = new HttpServer({ options: live.http, logger, turns, observer: metrics.http });
    live.follow(() => http.takeOptions());
    this.#http = http;
    const url = await listen(http, live.http, source);
    signal.throwIfAborted();
    const { config, typed } = await takeConfig(source, { found, announcer: this.#parts.announcer, logger, url });
    const knownKeys = await this.#knownKeys(config, typed, logger);
    const keyring = keyringFor(config, knownKeys);
    const table = new ProjectTable();
    const { manager, space } = this.#projectManager({ config, keyring, table, logger, live });
    this.#closers.push(() => manager.close());
    const checkpoints = this.#checkpointWriter(table, logger, options);
    const scopes = new OpenScopes(() => !options.authentication.enabled, table);
    const throttle = new FailedKeyThrottle({ failuresPerMinute: options.limits.max_failed_keys_per_minute });
    live.follow(() => throttle.setLimit(options.limits.max_failed_keys_per_minute));
    const { announcer } = this.#parts;
    const { outside } = source;
    const onReload = (end: ReloadEnd): void => {
      metrics.reloaded(end.ok, systemClock.wallMs());
      this.#parts.onReload?.(end);
    };
    const reloader = new Reloader({ config, outside, live, manager, scopes, knownKeys, announcer, logger, signal, onReload });
    const version = readPackageVersion();
    const { serverLogHealth, processFacts } = this.#parts;
    const measuring = { observer: metrics.http, measured: metrics };
    const shared = { keyring, throttle, scopes, logger, serverLogHealth, phase: () => this.#state, version, turns, ...measuring };
    const pipeline = new Pipeline({ projects: manager, reload: reloader.reload, options: live.http, ...shared });
    live.follow(() => pipeline.takeOptions());
    this.#pipeline = pipeline;
    http.serve(pipeline.handle, pipeline.handleDirect);
    await manager.start({ signal, adoption: this.#adoption(source) });
    signal.throwIfAborted();
    scopes.assertClosedTo(options.allowed_origins);
    scopes.warnOfOpen(logger);
    this.#reloader = reloader;
    this.#state = 'serving';
    const { pid } = this.#parts;
    const counts = { projects: table.list().length, projects_refused: manager.progress().refused };
    logger.info({ url, data_folder: options.dataFolder, ...counts, pid, version }, 'serving');
    checkpoints?.start();
    const build = { version, node: processFacts?.nodeVersion ?? '', format: `simplekv/${NEWEST_FORMAT}` };
    metrics.start(factSource({ build, residentBytes: processFacts?.residentBytes, table, manager, space, http, pipeline }));
    this.#closers.push(async () => metrics.close());
    const unloaded = logFailure(logger, 'error', {}, 'a part of the program could not be loaded');
    pipeline.loadKoa().then(() => metrics.load()).catch(unloaded);
    return { url, logger };
  }

  #adoption({ adopted }: StartSource): Adoption | undefined {
    if (this.#parts.adopt !== true) return undefined;
    const announce = (project: string, key: string): void => this.#parts.announcer.generatedKey({ kind: 'project', project }, key);
    return { ids: adopted, announce };
  }

  async #lock({ path: configPath, options: { dataFolder } }: StartSource): Promise<void> {
    try {
      const disk = new NodeDisk();
      const made = await makeDataFolder(disk, dataFolder);
      this.#closers.push(() => removeEmptyFolders(disk, made));
      const lock = await FolderLock.acquire(dataFolder, { pid: this.#parts.pid, config: configPath });
      this.#closers.push(() => lock.release());
    } catch (cause) {
      if (!isErrno(cause)) throw cause;
      const fault = {
        pointer: '/default/storage/persistent_file_path',
        found: JSON.stringify(dataFolder),
        expected: `a folder that can be created and written to (${cause.code ?? 'unknown error'})`,
      };
      throw new ConfigError(fault, { cause });
    }
  }

  async #knownKeys(config: ConfigFile, typed: readonly TypedKey[], logger: Logger): Promise<TypedKeyMemory> {
    const known = await KnownKeysFile.open(config, logger);
    this.#closers.push(() => known.close());
    learnTyped(known, typed);
    return known;
  }

  /** Closed before the manager, which closes the logs. */
  #checkpointWriter(table: ProjectTable, logger: Logger, options: ServerOptions): CheckpointWriter | undefined {
    if (options.checkpoints === null) return undefined;
    const { file: path, interval_seconds: seconds } = options.checkpoints;
    const file = new LineFile(new NodeDisk(), path);
    const writer = new CheckpointWriter({ table, file, logger, intervalMs: seconds * MS_PER_SECOND });
    this.#closers.push(() => writer.close(shutdownMsOf(options) * CHECKPOINTS_SHARE_OF_STOP));
    return writer;
  }

  #projectManager(
    parts: Pick<ProjectResources, 'config' | 'keyring' | 'table' | 'logger'> & { readonly live: LiveSettings },
  ): { readonly manager: ProjectManager; readonly space: SpaceWatch } {
    const { live, ...resources } = parts;
    const { options } = live;
    const announceKey = (project: string, key: string): boolean => {
      if (!options.print_api_keys) return false;
      try {
        this.#parts.announcer.generatedKey({ kind: 'project', project }, key);
        return true;
      } catch (error) {
        // The key is in force and in the answer of the request, so a closed console must not fail the creation.
        parts.logger.warn({ project, err: error }, 'a new API key could not be printed');
        return false;
      }
    };
    const { logger } = parts;
    const { dataFolder } = options;
    const budget = new RequestBudget(options.limits.idempotency_bytes);
    const idleFiles = new IdleFiles();
    const disk = new NodeDisk(idleFiles, (file, err) => logger.warn({ file, err }, 'a read failed and succeeded when it was repeated'));
    const space = new SpaceWatch({ disk, folder: dataFolder, logger });
    // Readiness needs the free space before the first write. The check never rejects.
    void space.check();
    const tasks = this.#parts.createTasks?.() ?? new WorkerTasks();
    // Closed after the manager, whose background work may still check the free space.
    this.#closers.push(() => space.close(), () => tasks.close());
    const observer = this.#metrics.work;
    const manager = new ProjectManager({
      ...resources,
      observer,
      diskHome: new FileHome({ folder: dataFolder, disk, logger, idleFiles, checker: tasks, observer }),
      memoryHome: memoryHome({ logger, observer }),
      snapshots: snapshotFolders({ disk, idleFiles, checker: tasks }, dataFolder),
      scratch: new ScratchFolder(disk, dataFolder, idleFiles),
      pastBytesMax: options.limits.time_travel_bytes,
      dataFolder,
      tasks,
      backups: (plan) => backupContent(disk, dataFolder, plan),
      cache: new ValueCache(),
      space,
      // The same objects, because a reload changes what is in them.
      requests: Object.assign(live.requests, { budget }),
      limits: live.queues,
      get snapshotsAtStopMs() {
        return live.snapshotsAtStopMs;
      },
      clock: systemClock,
      announceKey,
    });
    live.follow(() => budget.resize(options.limits.idempotency_bytes));
    live.follow(() => manager.resizePastStates(options.limits.time_travel_bytes));
    return { manager, space };
  }

  /**
   * Reloads the configuration, once the startup is complete.
   *
   * @throws {AppError} as the {@link Reloader} does; nothing has changed then
   * @throws {Error} the reason why the startup failed
   */
  async reload(): Promise<ReloadOutcome> {
    await this.#starting;
    if (this.#reloader === undefined) throw new AppError('starting', 'Cannot reload the configuration: the server has not been started');
    return await this.#reloader.reload({ isTrial: false }, configContext('reload'));
  }

  /** Time limit of a shutdown now, in milliseconds; undefined until the configuration is read. */
  get shutdownTimeoutMs(): number | undefined {
    return this.#live && shutdownMsOf(this.#live.options);
  }

  /** Shuts down: requests first, then projects, then the lock. A second call waits for the same shutdown. */
  async close(): Promise<void> {
    await (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#state = 'stopping';
    // A startup that continued would open files that nothing closes, in a folder without its lock.
    this.#stopping.abort();
    await Promise.allSettled([this.#starting]);
    this.#pipeline?.endStreams();
    const failures: unknown[] = [];
    // Requests end before the logs that they write to are closed.
    for (const close of [async () => this.#http?.close(), ...this.#closers.toReversed()]) {
      try {
        await close();
      } catch (error) {
        // The others must still be closed; the first failure is thrown.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** One folder object per project, so that all readers of its snapshots share their descriptors. */
function snapshotFolders(
  parts: { readonly disk: Disk; readonly idleFiles: IdleFiles; readonly checker: TaskRunner }, dataFolder: string,
): (project: string) => SnapshotFolder {
  const folders = new Map<string, SnapshotFolder>();
  return (project) => {
    const { folder, snapshot } = new LogPaths(dataFolder, project);
    const known = folders.get(project) ?? new SnapshotFolder({ ...parts, folder, readable: snapshot });
    folders.set(project, known);
    return known;
  };
}
