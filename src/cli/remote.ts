/**
 * Asks a running server, for the commands with `--url`. The API key comes from the environment or a file: on the command line, every user
 * of the machine could read it.
 */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { isErrno } from '../base/app-error.js';
import { EXIT_CODES, UsageError } from './exit-codes.js';
import { RemoteError } from './remote-error.js';
import type { FolderOptions } from './run-command.js';

/** The options of every command that can ask a server. */
export interface RemoteOptions {
  readonly url?: string;
  readonly keyFile?: string;
}

/** What is sent. */
interface RemoteRequest {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly accept?: string;
  /** Refuse a change of what exists. */
  readonly isNew?: boolean;
  /** JSON. */
  readonly body?: Buffer | string;
  readonly signal: AbortSignal;
}

/** Variables that name the server and its API key. */
const ENVIRONMENT = { url: 'SIMPLEKV_URL', key: 'SIMPLEKV_KEY', keyFile: 'SIMPLEKV_KEY_FILE' } as const;
/** Statuses that a repetition may change. */
const AGAIN: readonly number[] = [429, 503];
const REFUSED: readonly number[] = [401, 403];

/** A server that is asked over HTTP. */
export class Remote {
  readonly #url: URL;
  readonly #key: string | undefined;

  private constructor(url: URL, key: string | undefined) {
    this.#url = url;
    this.#key = key;
  }

  /**
   * Finds the server and the API key: options first, then the environment.
   *
   * @returns undefined if no server is named
   * @throws {UsageError} if the URL or the API key cannot be used
   */
  static async find({ url, keyFile }: RemoteOptions, isDefault = false): Promise<Remote | undefined> {
    const { env } = process;
    const named = url ?? (isDefault ? env[ENVIRONMENT.url] : undefined);
    if (named === undefined) {
      if (keyFile !== undefined) throw new UsageError('Use --key-file only with --url');
      return undefined;
    }
    return new Remote(parseUrl(named), await findKey(keyFile));
  }

  /** The URL without a path, for messages. */
  get origin(): string {
    return this.#url.origin;
  }

  /**
   * Sends a request.
   *
   * @param path with its query, from `/api` on
   * @returns the answer, whose status is 2xx
   * @throws {RemoteError} if there is none, or another status
   */
  async send(path: string, { method = 'GET', accept, body, isNew, signal }: RemoteRequest): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.#key !== undefined) headers['Authorization'] = `Bearer ${this.#key}`;
    if (accept !== undefined) headers['Accept'] = accept;
    if (isNew === true) headers['If-None-Match'] = '*';
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const prefix = this.#url.pathname.replace(/\/$/, '');
    const response = await this.during(signal, () => fetch(`${this.origin}${prefix}${path}`, {
      method, headers, signal, redirect: 'error', ...(body !== undefined && { body: new Uint8Array(Buffer.from(body)) }),
    }));
    if (response.ok) return response;
    throw await this.#refusal(response);
  }

  /**
   * Reads from the server.
   *
   * @throws {RemoteError} if that fails
   */
  async during<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TypeError)) throw error;
      const reason = error.cause instanceof Error ? error.cause.message || String(error.cause) : error.message;
      throw new RemoteError(`Cannot reach the server at ${this.origin}, or its answer broke off: ${reason}`, EXIT_CODES.unavailable, {
        cause: error,
      });
    }
  }

  async #refusal(response: Response): Promise<RemoteError> {
    const { status } = response;
    const problem = problemIn(await response.text().catch(() => ''));
    const { code, detail } = problem;
    const advice = REFUSED.includes(status) && this.#key === undefined ? keyAdvice() : '';
    const exitCode = REFUSED.includes(status) ? EXIT_CODES.noPermission
      : AGAIN.includes(status) ? EXIT_CODES.temporaryFailure : EXIT_CODES.failure;
    const shown = typeof detail === 'string' ? detail : `it answered ${status} without a problem document; is it a SimpleKV server?`;
    const named = typeof code === 'string' ? code : undefined;
    const message = `The server at ${this.origin} refused: ${shown}${named === undefined ? '' : ` (${status} ${named})`}${advice}`;
    return new RemoteError(message, exitCode, { code: named, facts: problem });
  }
}

/**
 * Finds the server of a command that works on files as well: `--url`, or else the environment if no folder is named.
 *
 * @returns undefined if the command works on files
 * @throws {UsageError} if both are named
 */
export async function findRemote({ config, data, url, keyFile }: FolderOptions & RemoteOptions): Promise<Remote | undefined> {
  const isFolderNamed = config !== undefined || data !== undefined;
  if (isFolderNamed && url !== undefined) throw new UsageError('Use either --url, or --config or --data');
  return await Remote.find({ ...(url !== undefined && { url }), ...(keyFile !== undefined && { keyFile }) }, !isFolderNamed);
}

function keyAdvice(): string {
  return `. Give the API key with --key-file FILE, ${ENVIRONMENT.keyFile}, or ${ENVIRONMENT.key}`;
}

function problemIn(body: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable = url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.search === '' && url.hash === '';
  if (!isUsable) throw new UsageError(`Cannot use "${text}" as the URL of a server: expected something like http://127.0.0.1:23849`);
  if (url.username !== '' || url.password !== '') throw new UsageError('Cannot use a URL with a name or a password in it');
  return url;
}

async function findKey(keyFile: string | undefined): Promise<string | undefined> {
  const { env } = process;
  const file = keyFile ?? (env[ENVIRONMENT.key] === undefined ? env[ENVIRONMENT.keyFile] : undefined);
  const key = file === undefined ? env[ENVIRONMENT.key] : await readKeyFile(file);
  if (key === undefined || key === '') return undefined;
  if (/^[!-~]+$/.test(key)) return key;
  const source = file === undefined ? ENVIRONMENT.key : `"${file}"`;
  throw new UsageError(`Cannot use the API key from ${source}: it has spaces, or characters beyond ASCII`);
}

async function readKeyFile(file: string): Promise<string> {
  try {
    return (file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new UsageError(`Cannot read the API key from "${file}": ${error.message}`);
  }
}
