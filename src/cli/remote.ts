/**
 * A running server, as commands ask it: the client of the project, with errors that say which server refused what, and an exit code.
 */
import { randomUUID } from 'node:crypto';
import { projectPath } from '../client/addresses.js';
import { SimpleKvAdmin } from '../client/admin.js';
import { SimpleKvError } from '../client/error.js';
import { type HttpAnswer, jsonOf, Transport } from '../client/http.js';
import type { ConnectionOptions } from '../client/options.js';
import { SimpleKv } from '../client/simple-kv.js';
import { EXIT_CODES, UsageError } from './exit-codes.js';
import { type FoundServer, findServer, findServerUnlessFiles, keyAdvice, serverAdvice, type RemoteOptions } from './online/find-server.js';
import { RemoteError } from './remote-error.js';
import type { FolderOptions } from './run-command.js';

export type { RemoteOptions } from './online/find-server.js';

/** What is asked for. */
interface RemoteRequest {
  readonly accept?: string;
  readonly signal: AbortSignal;
}

/** What is changed. */
interface RemoteChange {
  readonly method?: 'POST' | 'PUT' | 'DELETE';
  /** Refuse a change of what exists. */
  readonly isNew?: boolean;
  /** JSON. */
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** A project of a server. */
export interface RemoteProject {
  readonly id: string;
  /** Where it is, from `/api` on. */
  readonly path: string;
  /** Its client. Values stay JSON texts: a command does not look into them. */
  readonly kv: SimpleKv;
}

/** How long an attempt may take, in milliseconds: as long as a large batch on a slow disk. */
const ATTEMPT_MS = 60_000;
/** How long a server may take before it begins a long answer, such as a backup. */
const OPENING_MS = 300_000;

const REFUSED: readonly number[] = [401, 403];
/** Statuses that a repetition may change. */
const AGAIN: readonly number[] = [429, 503];
/** The input of the command is at fault. */
const BAD_INPUT: readonly string[] = [
  'invalid_body', 'invalid_batch', 'invalid_json', 'invalid_utf8', 'empty_body', 'body_too_large', 'line_too_large', 'too_many_ops',
  'invalid_settings',
];
/** A reload found a fault in the configuration. */
const INVALID_CONFIG = 'invalid_config';
/** The command line names what cannot be, or what the log does not have. */
const BAD_USAGE: readonly string[] = [
  'invalid_query', 'invalid_key', 'invalid_project_id', 'invalid_precondition', 'too_many_keys', 'project_not_found', 'ahead_of_log',
  'history_gone',
];

/** A server that is asked over HTTP. */
export class Remote {
  /** Projects and API keys. */
  readonly admin: SimpleKvAdmin;
  readonly #server: FoundServer;
  readonly #connection: ConnectionOptions;
  readonly #transport: Transport;

  private constructor(server: FoundServer) {
    this.#server = server;
    const { url, key } = server;
    this.#connection = { url, timeoutMs: ATTEMPT_MS, ...(key !== undefined && { key }) };
    this.#transport = new Transport(this.#connection);
    this.admin = new SimpleKvAdmin(this.#connection);
  }

  /**
   * Finds the server of a command that works on files as well.
   *
   * @returns undefined if the command works on files
   * @throws {UsageError} when both are named, or the URL or the API key cannot be used
   */
  static async findUnlessFiles(options: FolderOptions & RemoteOptions): Promise<Remote | undefined> {
    const server = await findServerUnlessFiles(options);
    return server && new Remote(server);
  }

  /**
   * Finds the server of a command that can do without.
   *
   * @returns undefined if none is named
   * @throws {UsageError} when the URL or the API key cannot be used
   */
  static async find(options: RemoteOptions): Promise<Remote | undefined> {
    const server = await findServer(options);
    return server && new Remote(server);
  }

  /**
   * Finds the server of a command that needs one.
   *
   * @param verb what it does, such as `set`
   * @throws {UsageError} when none is named, or the URL or the API key cannot be used
   */
  static async need(verb: string, options: RemoteOptions): Promise<Remote> {
    const remote = await Remote.find(options);
    if (remote === undefined) throw new UsageError(`Cannot ${verb} without a server: ${serverAdvice()}`);
    return remote;
  }

  /** The URL without a path, for messages. */
  get origin(): string {
    return new URL(this.#server.url).origin;
  }

  /** The whole URL, and what named it. */
  get server(): FoundServer {
    return this.#server;
  }

  /**
   * The project that is named, or else that of the API key.
   *
   * @param named on the command line; undefined: by the environment or the profile
   * @throws {UsageError} when none is
   * @throws {RemoteError} when the server cannot be asked
   */
  async project(named: string | undefined, signal: AbortSignal): Promise<RemoteProject> {
    const id = named ?? this.#server.project ?? (await this.#projectOfKey(signal));
    const parse = (text: string): string => text;
    return await this.asking(signal, () => {
      const path = checkedPath(id);
      return Promise.resolve({ id, path, kv: new SimpleKv({ ...this.#connection, project: id, parse }) });
    });
  }

  async #projectOfKey(signal: AbortSignal): Promise<string> {
    const unnamed = 'Cannot tell which project: name it with --project or SIMPLEKV_PROJECT';
    if (this.#server.key === undefined) throw new UsageError(unnamed);
    const { project } = await this.asking(signal, () => this.admin.apiKeys.self(null, { signal }));
    if (project === null) throw new UsageError(`${unnamed}; the API key opens all projects`);
    return project;
  }

  /**
   * Asks for something and reads it whole.
   *
   * @param target path with query, from `/` on
   * @throws {RemoteError} if there is no answer, or it is not a success
   */
  async read(target: string, { accept, signal }: RemoteRequest): Promise<HttpAnswer> {
    const headers = accept === undefined ? {} : { Accept: accept };
    return await this.asking(signal, () => this.#transport.send({ method: 'GET', target, headers, signal }));
  }

  /**
   * Asks for JSON.
   *
   * @throws {RemoteError} if there is no answer, or it is not a success
   */
  async readJson<T>(target: string, request: RemoteRequest): Promise<T> {
    return await this.asking(request.signal, async () => jsonOf<T>(await this.read(target, request)));
  }

  /**
   * Changes something. If no answer comes, the change is sent again, and the server recognizes it.
   *
   * @throws {RemoteError} if there is no answer, or it is not a success
   */
  async change(target: string, { method = 'POST', isNew = false, body, signal }: RemoteChange): Promise<HttpAnswer> {
    const headers = { 'Idempotency-Key': randomUUID(), ...(isNew && { 'If-None-Match': '*' }) };
    return await this.asking(signal, () => this.#transport.send({
      method, target, headers, repeatable: 'recognized', signal, ...(body !== undefined && { body }),
    }));
  }

  /**
   * Asks a question whose body does not fit a URL.
   *
   * @throws {RemoteError} if there is no answer, or it is not a success
   */
  async query(target: string, { body, signal }: { readonly body: string; readonly signal: AbortSignal }): Promise<HttpAnswer> {
    return await this.asking(signal, () => this.#transport.send({ method: 'POST', target, body, signal }));
  }

  /**
   * Asks for something long.
   *
   * @returns the answer, of which nothing is read yet
   * @throws {RemoteError} if there is none, or it is not a success
   */
  async open(target: string, { accept, signal }: RemoteRequest): Promise<HttpAnswer> {
    const headers = accept === undefined ? {} : { Accept: accept };
    return await this.asking(signal, () => this.#transport.open({
      method: 'GET', target, headers, signal, timeoutMs: OPENING_MS,
    }));
  }

  /**
   * Asks for something long, and yields it piece by piece.
   *
   * @throws {RemoteError} if it is not a success, or breaks off
   */
  async *stream(target: string, request: RemoteRequest): AsyncGenerator<Buffer, void, undefined> {
    const { body } = await this.open(target, request);
    const reader = body?.getReader();
    try {
      while (reader !== undefined) {
        const { done, value } = await this.during(request.signal, () => reader.read());
        if (done) return;
        yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      }
    } finally {
      // A reader that has enough must not leave the server sending.
      await reader?.cancel().catch(() => undefined);
    }
  }

  /**
   * Reads an answer that has begun.
   *
   * @throws {RemoteError} if it breaks off
   */
  async during<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TypeError)) throw error;
      throw this.#unreachable(error);
    }
  }

  /**
   * Calls the client.
   *
   * @throws {RemoteError} in place of the errors of the client
   */
  async asking<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SimpleKvError)) throw error;
      throw this.errorOf(error);
    }
  }

  /** The error of a command whose server did not do what it was asked. */
  errorOf(error: SimpleKvError): RemoteError {
    const { code, status, facts, message: detail } = error;
    if (code === 'network_error' || code === 'timeout') return this.#unreachable(error);
    if (status === 0) return new RemoteError(detail, exitCodeOfProblem(code, status), { cause: error, code, facts });
    const isUnknown = code === 'bad_answer';
    const said = isUnknown ? `it answered ${status} without a problem document; is it a SimpleKV server?` : detail;
    const advice = REFUSED.includes(status) && this.#server.key === undefined ? `. ${keyAdvice()}` : '';
    const named = isUnknown ? '' : ` (${status} ${code})`;
    return new RemoteError(`The server at ${this.origin} refused: ${said}${named}${advice}`, exitCodeOfProblem(code, status), {
      cause: error, code: isUnknown ? undefined : code, facts,
    });
  }

  #unreachable(error: Error): RemoteError {
    const cause = error.cause instanceof Error && error.cause.cause instanceof Error ? error.cause.cause : error.cause;
    const reason = cause instanceof Error ? cause.message || String(cause) : error.message;
    return new RemoteError(`Cannot reach the server at ${this.origin}, or its answer broke off: ${reason}`, EXIT_CODES.unavailable, {
      cause: error,
    });
  }
}

function checkedPath(id: string): string {
  try {
    return projectPath(id);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function exitCodeOfProblem(code: string, status: number): number {
  if (REFUSED.includes(status)) return EXIT_CODES.noPermission;
  if (AGAIN.includes(status)) return EXIT_CODES.temporaryFailure;
  if (code === INVALID_CONFIG) return EXIT_CODES.configuration;
  if (BAD_INPUT.includes(code)) return EXIT_CODES.badInput;
  return BAD_USAGE.includes(code) ? EXIT_CODES.usage : EXIT_CODES.failure;
}
