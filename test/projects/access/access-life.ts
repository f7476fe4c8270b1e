/** Lives of API keys: a server without HTTP, a clock that a test sets, and what its keys open. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stateAt } from '../../../src/auth/principal.js';
import type { KeyScope } from '../../../src/auth/keyring.js';
import { ALL_RIGHTS } from '../../../src/auth/rights.js';
import type { KeyCaller, NewApiKey } from '../../../src/projects/access/api-keys.js';
import { ManualClock } from '../../base/manual-clock.js';
import { inFolder } from '../../config/config-folder.js';
import { faultyConfigDisk } from '../../config/faulty-config-disk.js';
import { beginLife, CONTEXT, type Life, type LifeOptions } from '../lives-fixture.js';

/** The project of a first start. */
export const PROJECT: KeyScope = { kind: 'project', project: 'first_project' };
/** All projects. */
export const GLOBAL: KeyScope = { kind: 'global' };
/** Who may do everything. */
export const OWNER: KeyCaller = { context: CONTEXT, rights: ALL_RIGHTS };
/** A key that does not expire. */
export const READER: NewApiKey = { name: 'reader', permissions: ['read'], notBeforeMs: null, expiresAtMs: null };

/** Tells whether a key works now. */
export function works({ keyring }: Life, key: string): boolean {
  const principal = keyring.lookUp(key);
  return principal !== null && principal !== undefined && stateAt(principal.window, keyring.nowMs()) === 'active';
}

/** The lines of the log of a scope that are about API keys, without what differs from run to run. */
export async function accessLines(folder: string, { kind, ...scope }: KeyScope): Promise<readonly Record<string, unknown>[]> {
  const name = kind === 'global' ? '_server' : 'project' in scope ? scope.project : '';
  const text = await readFile(path.join(folder, 'data', `${name}.jsonl`), 'utf8');
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.filter(({ op }) => String(op).startsWith('access.')).map(({ op, actor, key_id: id, ...line }) => (
    { op, actor, key_id: id, ...('expires_at' in line ? { expires_at: line['expires_at'] } : {}) }
  ));
}

/** A life that a test can end and begin again. */
export interface AccessLife extends Life {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly configDisk: ReturnType<typeof faultyConfigDisk>;
  restart(): Promise<AccessLife>;
  configText(): Promise<string>;
}

/** Runs a test with a life of its own. */
export async function withAccessLife(body: (life: AccessLife) => Promise<void>, options: LifeOptions = {}): Promise<void> {
  await inFolder(async (folder) => {
    const clock = new ManualClock();
    const configDisk = faultyConfigDisk();
    let current: Life | undefined;
    const begin = async (): Promise<AccessLife> => {
      await current?.lives.close();
      const life = await beginLife(folder, { clock, configDisk: configDisk.disk, ...options });
      current = life;
      return { ...life, folder, clock, configDisk, restart: begin, configText: () => readFile(path.join(folder, 'config.json'), 'utf8') };
    };
    try {
      await body(await begin());
    } finally {
      await current?.lives.close();
    }
  });
}
