/**
 * The composition root, and the only file that knows every room: builds a listening server from a configuration file. At shutdown, and
 * when a later step of the startup fails, it closes HTTP first and then everything else in reverse order.
 */
import { FailedKeyThrottle } from './auth/failed-key-throttle.js';
import { Keyring, nameScope } from './auth/keyring.js';
import type { TypedKeyMemory } from './auth/known-keys.js';
import { isErrno } from './base/app-error.js';
import { systemClock } from './base/clock.js';
import { logFailure } from './base/log-failure.js';
import type { Logger, LogLevel, ServerLogHealth } from './base/logger.js';
import { readPackageVersion } from './base/package-version.js';
import { adoptKeys, type TypedKey } from './config/adopt-keys.js';
import type { Announcer } from './config/announcer.js';
import { ConfigError } from './config/config-error.js';
import { ConfigFile } from './config/config-file.js';
import { FIRST_PROJECT_ID } from './config/first-config.js';
import { KnownKeysFile } from './config/known-keys-file.js';
import { ListeningError } from './config/listening-error.js';
import type { ServerOptions } from './config/server-options.js';
import { openFoundConfig, readStartSource, type StartSource } from './config/start-source.js';
import { makeDataFolder, removeEmptyFolders } from './disk/data-folder.js';
import type { Disk } from './disk/disk.js';
import { IdleFiles } from './disk/idle-files.js';
import { LineFile } from './disk/line-file.js';
import { NodeDisk } from './disk/node-disk.js';
import { SpaceWatch } from './disk/space-watch.js';
import type { HttpOptions } from './http/http-options.js';
import type { LifecycleState } from './http/http-parts.js';
import { HttpServer } from './http/http-server.js';
import { EventLoopTurns } from './http/event-loop-turns.js';
import { Pipeline } from './http/pipeline.js';
import { FileHome } from './log/file/file-home.js';
import { FolderLock } from './log/file/folder-lock.js';
import { LogPaths } from './log/file/log-paths.js';
import { memoryHome } from './log/memory-home.js';
import { backupContent } from './offline/backup/backup-content.js';
import { findForeignProjects, findLiveProjects, hasRegistry } from './offline/folder-projects.js';
import { type TaskRunner, WorkerTasks } from './offline/tasks/worker-tasks.js';
import { SnapshotFolder } from './projections/snapshot/snapshot-folder.js';
import { ValueCache } from './projections/value-cache.js';
import { CheckpointWriter } from './projects/checkpoint-writer.js';
import type { Adoption } from './projects/start/adopt-projects.js';
import { reportUnshownKey } from './projects/project-entries.js';
import { OpenScopes } from './projects/open-scopes.js';
import { ProjectManager } from './projects/project-manager.js';
import type { ProjectResources } from './projects/project-resources.js';
import { ProjectTable } from './store/project-table.js';

/** Share of the shutdown time for running requests; the rest is for due snapshots and for closing logs. */
const REQUESTS_SHARE_OF_STOP = 0.6;
/** Share of the shutdown time for due snapshots. */
const SNAPSHOTS_SHARE_OF_STOP = 0.25;
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
  readonly announcer: Announcer;
  /** Creates the logger of the server log. */
  readonly createLogger: (level: LogLevel) => Logger;
  /** Creates what carries out work on files. @default threads */
  readonly createTasks?: () => TaskRunner;
  /** Whether the lines of that log are delivered, for the readiness probe; absent if that is unknown. */
  readonly serverLogHealth?: () => ServerLogHealth;
  /** The process id, shown to a second server that finds the data folder locked. */
  readonly pid: number;
}

/** Facts about a started server. */
interface StartedServer {
  /** Its URL, such as `http://127.0.0.1:23849`. */
  readonly url: string;
  readonly logger: Logger;
  /** Time limit of a shutdown, in milliseconds. */
  readonly shutdownTimeoutMs: number;
}

/** The configuration file, and the API keys that a person had typed into it. */
interface TakenConfig {
  readonly config: ConfigFile;
  readonly typed: readonly TypedKey[];
}

/** A server; it starts once and closes once. */
export class SimpleKvServer {
  readonly #parts: ServerParts;
  /** Close everything that is open except HTTP, in the order of opening. */
  readonly #closers: (() => Promise<void>)[] = [];
  #http: HttpServer | undefined;
  #pipeline: Pipeline | undefined;
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
    const { configPath, adopt = false } = this.#parts;
    const disk = new NodeDisk();
    const source = await readStartSource({
      configPath,
      adopt,
      findProjects: (folder) => findLiveProjects(disk, folder),
      findForeign: (folder, configured) => findForeignProjects(disk, folder, configured),
      hasRegistry: (folder) => hasRegistry(disk, folder),
      nowMs: systemClock.wallMs(),
    });
    try {
      return await this.#startFrom(source);
    } catch (error) {
      throw error instanceof ConfigError ? error.inFile(source.path) : error;
    }
  }

  async #startFrom(source: StartSource): Promise<StartedServer> {
    const { options } = source;
    const { signal } = this.#stopping;
    const logger = this.#parts.createLogger(options.log_level);
    for (const warning of [...(source.loaded?.warnings ?? []), ...(source.tls?.warnings ?? [])]) logger.warn(warning);
    await this.#lock(source);
    const found = await openFoundConfig(source);
    const httpOptions = httpOptionsOf(source);
    const turns = new EventLoopTurns();
    const http = new HttpServer({ options: httpOptions, logger, turns });
    this.#http = http;
    const url = await listen(http, httpOptions, source);
    signal.throwIfAborted();
    const { config, typed } = await this.#takeConfigOver(source, found, logger, url);
    const keyring = keyringFor(config, await this.#knownKeys(config, typed, logger));
    const table = new ProjectTable();
    const manager = this.#projectManager({ config, keyring, table, logger, options });
    this.#closers.push(() => manager.close());
    const checkpoints = this.#checkpointWriter(table, logger, options);
    const scopes = new OpenScopes(config, table);
    const throttle = new FailedKeyThrottle({ failuresPerMinute: options.limits.max_failed_keys_per_minute });
    const version = readPackageVersion();
    const { serverLogHealth } = this.#parts;
    const shared = { keyring, throttle, scopes, logger, serverLogHealth, phase: () => this.#state, version, turns };
    const pipeline = new Pipeline({ projects: manager, options: httpOptions, ...shared });
    this.#pipeline = pipeline;
    http.serve(pipeline.handle);
    await manager.start({ signal, adoption: this.#adoption(source) });
    signal.throwIfAborted();
    scopes.assertClosedTo(options.allowed_origins);
    scopes.warnOfOpen(logger);
    this.#state = 'serving';
    const { pid } = this.#parts;
    const counts = { projects: table.list().length, projects_refused: manager.progress().refused };
    logger.info({ url, data_folder: options.dataFolder, ...counts, pid, version }, 'serving');
    checkpoints?.start();
    pipeline.loadKoa().catch(logFailure(logger, 'error', {}, 'a part of the program could not be loaded'));
    return { url, logger, shutdownTimeoutMs: shutdownMsOf(options) };
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

  /** Shows API keys before the file with their hashes is written. After a crash in between, the next startup shows others. */
  async #takeConfigOver(source: StartSource, found: ConfigFile | undefined, logger: Logger, url: string): Promise<TakenConfig> {
    const { announcer } = this.#parts;
    const { loaded, first, options } = source;
    if (first !== undefined) {
      const { globalKey, projectKey } = first;
      const announce = (): void => {
        if (projectKey === undefined) announcer.generatedKey({ kind: 'global' }, globalKey);
        else announcer.firstRun({ configPath: source.path, url, project: FIRST_PROJECT_ID, globalKey, projectKey });
      };
      return { config: await ConfigFile.create(source.path, first.document, announce), typed: [] };
    }
    if (loaded === undefined || found === undefined) throw new TypeError('A configuration is either found or made');
    const config = found;
    const adopted = await adoptKeys(loaded.document);
    const { typed } = adopted;
    for (const { scope, key } of adopted.generated) {
      // The global key cannot be learned in any other way; the key of a project can be replaced with it.
      if (scope.kind === 'global' || options.print_api_keys) announcer.generatedKey(scope, key);
      else reportUnshownKey(logger, scope.project);
    }
    if (!adopted.changed) return { config, typed };
    try {
      await config.update(() => adopted.document);
      return { config, typed };
    } catch (cause) {
      if (adopted.generated.length > 0) {
        const expected = 'a file that can be replaced: API keys were generated, and the next start rejects them unless it has their hashes';
        throw new ConfigError({ pointer: '', expected }, { cause });
      }
      // A typed key also works from a file that is mounted alone; it only stays readable there.
      logger.warn({ err: cause }, 'a typed API key stays in the configuration in plain text, because the file could not be replaced');
      return { config: await ConfigFile.open({ ...loaded, document: adopted.document }), typed };
    }
  }

  async #knownKeys(config: ConfigFile, typed: readonly TypedKey[], logger: Logger): Promise<TypedKeyMemory> {
    const known = await KnownKeysFile.open(config, logger);
    this.#closers.push(() => known.close());
    for (const { scope, key, hash } of typed) known.learn(key, { scope: nameScope(scope), hash });
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
    parts: Pick<ProjectResources, 'config' | 'keyring' | 'table' | 'logger'> & { readonly options: ServerOptions },
  ): ProjectManager {
    const { options, ...resources } = parts;
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
    const { dataFolder, limits } = options;
    const idleFiles = new IdleFiles();
    const disk = new NodeDisk(idleFiles, (file, err) => logger.warn({ file, err }, 'a read failed and succeeded when it was repeated'));
    const space = new SpaceWatch({ disk, folder: dataFolder, logger });
    // Readiness needs the free space before the first write. The check never rejects.
    void space.check();
    const tasks = this.#parts.createTasks?.() ?? new WorkerTasks();
    // Closed after the manager, whose background work may still check the free space.
    this.#closers.push(() => space.close(), () => tasks.close());
    return new ProjectManager({
      ...resources,
      diskHome: new FileHome({ folder: dataFolder, disk, logger, idleFiles, checker: tasks }),
      memoryHome: memoryHome({ logger }),
      snapshots: snapshotFolders({ disk, idleFiles, checker: tasks }, dataFolder),
      dataFolder,
      tasks,
      backups: (plan) => backupContent(disk, dataFolder, plan),
      cache: new ValueCache(),
      space,
      limits: { queueCommandsMax: limits.max_queue_commands, queueBytesMax: limits.max_queue_bytes },
      snapshotsAtStopMs: shutdownMsOf(options) * SNAPSHOTS_SHARE_OF_STOP,
      clock: systemClock,
      announceKey,
    });
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

function keyringFor(config: ConfigFile, knownKeys: TypedKeyMemory): Keyring {
  const keyring = new Keyring({ knownKeys });
  const entry = config.document.default?.authentication;
  const hash = entry?.api_key_hash ?? null;
  if (hash !== null) keyring.setKey({ kind: 'global' }, { hash, plain: entry?.api_key ?? null });
  return keyring;
}

function shutdownMsOf({ timeouts }: ServerOptions): number {
  return timeouts.shutdown_seconds * MS_PER_SECOND;
}

function httpOptionsOf({ options, tls }: StartSource): HttpOptions {
  const { limits, timeouts } = options;
  return {
    host: options.server_host,
    port: options.server_port,
    tls: tls === null ? null : { key: tls.key, cert: tls.cert },
    valueBytesMax: limits.max_value_bytes,
    batchOpsMax: limits.max_batch_ops,
    // A larger one would never fit into the queue.
    batchBytesMax: Math.min(limits.max_batch_bytes, Math.floor(limits.max_queue_bytes / 2)),
    keyBytesMax: limits.max_key_bytes,
    answerBytesMax: limits.max_answer_bytes,
    streamsMax: limits.max_streams,
    streamsPerCallerMax: limits.max_streams_per_key,
    headerBytesMax: limits.max_header_bytes,
    headersMax: limits.max_headers,
    connectionsMax: limits.max_connections,
    allowedHosts: options.allowed_hosts,
    allowedOrigins: options.allowed_origins,
    trustedProxies: options.trusted_proxies,
    docsEnabled: options.docs.enabled,
    timeouts: {
      headersMs: timeouts.headers_seconds * MS_PER_SECOND,
      requestMs: timeouts.request_seconds * MS_PER_SECOND,
      keepAliveMs: timeouts.keep_alive_seconds * MS_PER_SECOND,
      idleMs: timeouts.idle_seconds * MS_PER_SECOND,
      shutdownMs: shutdownMsOf(options) * REQUESTS_SHARE_OF_STOP,
    },
  };
}

async function listen(http: HttpServer, options: HttpOptions, { path: file, first }: StartSource): Promise<string> {
  try {
    const { address, port } = await http.listen();
    const name = address.includes(':') ? `[${address}]` : address;
    return `${options.tls === null ? 'http' : 'https'}://${name}:${port}`;
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    const { host, port } = options;
    throw new ListeningError({ host, port, file, unwritten: first?.document }, cause);
  }
}
