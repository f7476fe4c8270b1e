/** Bare node:http servers: what the same Node does when it leaves out everything that SimpleKV is for. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram, statusOf, waitFor } from '../child-process.js';
import { freePort, KEYS_PATH, type RunningServer, runningServer } from '../server-process.js';
import { type Contender, KEY_COUNT, VALUE_BYTES } from './contender.js';

/** Where {@link startBareListing} has its bytes. */
export const LISTING_PATH = '/listing';

const START_LIMIT_MS = 20_000;
const KEYS_OPTIONS = ['--keys', String(KEY_COUNT), '--value-bytes', String(VALUE_BYTES), '--prefix', KEYS_PATH];

/** Answers GET from a Map. PUT is read and parsed; nothing is stored. */
export const BARE: Contender = bare('bare node:http', (folder) => startBare(folder, KEYS_OPTIONS));

/** PUT appends the body to a file, calls fdatasync, and answers. */
export const BARE_APPEND: Contender = bare('bare node:http + fdatasync', (folder) => (
  startBare(folder, ['--append', path.join(folder, 'bodies')])
));

/**
 * Starts a server that answers with the bytes of a file, from memory, and with the keys of {@link BARE}.
 *
 * @param folder For what it writes
 * @param file The bytes
 * @returns The server, ready
 */
export async function startBareListing(folder: string, file: string): Promise<RunningServer> {
  return await startBare(folder, [...KEYS_OPTIONS, '--listing', file]);
}

function bare(name: string, start: (folder: string) => Promise<RunningServer>): Contender {
  return {
    name,
    tools: [],
    start: async (folder) => ({ ...await start(folder), name }),
    get: (key) => ({ method: 'GET', path: KEYS_PATH + key }),
    put: (key, body) => ({ method: 'PUT', path: KEYS_PATH + key, body }),
    hasValue: (answer, value) => answer === value,
  };
}

async function startBare(folder: string, options: readonly string[]): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const output = path.join(folder, 'output.log');
  const script = fileURLToPath(new URL('./bare-server.js', import.meta.url));
  const child = startProgram({ command: process.execPath, args: [script, String(port), ...options], output });
  await waitFor(child, { output, limitMs: START_LIMIT_MS, look: async () => String(await statusOf(port, '/')) });
  return runningServer('bare node:http', child, port);
}
