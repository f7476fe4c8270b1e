/** SimpleKV as it is built, with authentication, all checks, and values on disk before each answer. */
import { KEYS_PATH, startSimpleKv, type SimpleKvSettings } from '../server-process.js';
import type { Contender } from './contender.js';

/** With the default level: the server log has a line for each request, and goes to a file. */
export const SIMPLEKV: Contender = simpleKv('SimpleKV', {});

/** Without lines for requests that succeed. */
export const SIMPLEKV_WARN: Contender = simpleKv('SimpleKV (warn)', { logLevel: 'warn' });

function simpleKv(name: string, settings: SimpleKvSettings): Contender {
  return {
    name,
    tools: [],
    start: async (folder) => ({ ...await startSimpleKv(folder, settings), name }),
    get: (key) => ({ method: 'GET', path: KEYS_PATH + key }),
    put: (key, body) => ({ method: 'PUT', path: KEYS_PATH + key, body }),
    hasValue: (answer, value) => answer === value,
  };
}
