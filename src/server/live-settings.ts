/**
 * The settings in force. Parts of the server look values up in these objects at each use; a reload puts new values into the same objects,
 * and then calls those parts that derive something from them.
 */
import type { ServerOptions } from '../config/server-options.js';
import type { TlsFiles } from '../config/tls-files.js';
import type { HttpOptions } from '../http/http-options.js';
import type { ProjectResources } from '../projects/project-resources.js';
import { httpOptionsOf, shutdownMsOf } from './http-options-of.js';

const MS_PER_SECOND = 1000;
/** Share of the shutdown time for due snapshots. */
const SNAPSHOTS_SHARE_OF_STOP = 0.25;

type RememberedRequests = Omit<NonNullable<ProjectResources['requests']>, 'budget'>;

/** The settings that the parts of a running server share. */
export class LiveSettings {
  readonly options: ServerOptions;
  readonly http: HttpOptions;
  /** The limits of the queues of all projects. */
  readonly queues: ProjectResources['limits'];
  /** How long and how many requests are remembered. */
  readonly requests: RememberedRequests;
  /** Called after every change, in this order. */
  readonly #followers: (() => void | Promise<void>)[] = [];
  #tls: TlsFiles | null;

  constructor(options: ServerOptions, tls: TlsFiles | null) {
    this.options = { ...options };
    this.http = httpOptionsOf({ options, tls });
    this.queues = queuesOf(options);
    this.requests = requestsOf(options);
    this.#tls = tls;
  }

  /** The key and the certificate; null: plain HTTP. */
  get tls(): TlsFiles | null {
    return this.#tls;
  }

  /** Time for the due snapshots at shutdown, in milliseconds. */
  get snapshotsAtStopMs(): number {
    return shutdownMsOf(this.options) * SNAPSHOTS_SHARE_OF_STOP;
  }

  /** Adds a part that derives something from the settings; it is called after every change. */
  follow(follower: () => void | Promise<void>): void {
    this.#followers.push(follower);
  }

  /** Puts other values into force. */
  async take(options: ServerOptions, tls: TlsFiles | null): Promise<void> {
    this.#tls = tls;
    Object.assign(this.options, options);
    Object.assign(this.http, httpOptionsOf({ options, tls }));
    Object.assign(this.queues, queuesOf(options));
    Object.assign(this.requests, requestsOf(options));
    for (const follower of this.#followers) await follower();
  }
}

function queuesOf({ limits }: ServerOptions): ProjectResources['limits'] {
  return { queueCommandsMax: limits.max_queue_commands, queueBytesMax: limits.max_queue_bytes };
}

function requestsOf({ limits }: ServerOptions): RememberedRequests {
  return { ageMsMax: limits.idempotency_seconds * MS_PER_SECOND, requestsMax: limits.idempotency_entries };
}
