/**
 * `simplekv ready`: asks a server whether it can serve requests, for the health check of a container. Sends no API key.
 */
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import path from 'node:path';
import { READINESS_PATH } from '../api/paths.js';
import { isErrno } from '../base/app-error.js';
import { loadConfig } from '../config/load-config.js';
import { inForce } from '../config/outside-settings.js';
import { CONFIG_VERSION } from '../config/config-document.js';
import { resolveServerOptions } from '../config/server-options.js';
import { complain } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { checkedUrl, VARIABLES } from './online/find-server.js';
import { type FormOptions, printObject } from './online/output-form.js';
import { configPathOf, outsideOf, type OverridingOptions } from './outside-options.js';
import type { RunContext } from './run-command.js';

/** How long the answer may take, in milliseconds. */
const WAIT_MS = 10_000;
const OK = 200;

/** Addresses that a server listens on for all others, and one that reaches it. */
const REACHED_AT: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** The options of the command. */
export interface ReadyCommandOptions extends OverridingOptions, FormOptions {
  readonly url?: string;
  readonly config?: string;
}

/** The server that is asked. */
interface Asked {
  readonly url: URL;
  /** True for the server of the configuration, whose certificate need not be for the address at which it is asked. */
  readonly isOwn: boolean;
}

/**
 * Asks the server.
 *
 * @returns false if it is not ready, does not answer, or cannot be reached
 */
export async function askReady(options: ReadyCommandOptions, { output, signal }: RunContext): Promise<boolean> {
  const asked = await findServer(options);
  const { status, reason } = await answerOf(asked, signal);
  const isReady = status === OK;
  const { origin } = asked.url;
  await printObject(output, options, {
    object: { url: origin, ready: isReady, status, reason: isReady ? null : reason }, text: () => (isReady ? 'ready\n' : ''),
  });
  if (!isReady) complain(`the server at ${origin} is not ready: ${reason}`);
  return isReady;
}

/** What came of asking. */
interface Answer {
  /** Null: there was no answer. */
  readonly status: number | null;
  readonly reason: string;
}

async function answerOf(asked: Asked, signal: AbortSignal): Promise<Answer> {
  try {
    const status = await statusOf(asked, signal);
    return { status, reason: `it answered ${status}` };
  } catch (error) {
    signal.throwIfAborted();
    const reason = isErrno(error) && error.code !== undefined ? error.code : error instanceof Error ? error.message : String(error);
    return { status: null, reason };
  }
}

async function findServer(options: ReadyCommandOptions): Promise<Asked> {
  const named = options.url ?? process.env[VARIABLES.url];
  if (named !== undefined) return { url: new URL(checkedUrl(named)), isOwn: false };
  const file = path.resolve(configPathOf(options));
  const outside = outsideOf(options);
  const loaded = await loadConfig(file, outside);
  const document = loaded?.inForce ?? inForce({ version: CONFIG_VERSION, projects: [] }, outside);
  const { server_host: host, server_port: port, tls } = resolveServerOptions(document, path.dirname(file));
  if (port === 0) throw new UsageError('Cannot know the port of the server: server_port is 0. Name the server with --url');
  const name = REACHED_AT[host] ?? (host.includes(':') ? `[${host}]` : host);
  return { url: new URL(`${tls === null ? 'http' : 'https'}://${name}:${port}`), isOwn: true };
}

function statusOf({ url, isOwn }: Asked, signal: AbortSignal): Promise<number> {
  const target = new URL(`${url.pathname.replace(/\/$/, '')}${READINESS_PATH}`, url);
  const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]), agent: false } as const;
  return new Promise((resolve, reject) => {
    const sent = url.protocol === 'https:' ? tlsRequest(target, { ...options, rejectUnauthorized: !isOwn }) : plainRequest(target, options);
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.end();
  });
}
