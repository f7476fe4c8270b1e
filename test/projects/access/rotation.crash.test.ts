/** A process that is killed between any two writes of a change of API keys. */
import assert from 'node:assert/strict';
import type { KeyScope } from '../../../src/auth/keyring.js';
import { inFolder } from '../../config/config-folder.js';
import { suite } from '../../suite.js';
import { type Kill, killingConfigDisk, killingDisk, KillSwitch } from '../killing-disk.js';
import { beginLife, CONTEXT, type Life } from '../lives-fixture.js';
import { GLOBAL, OWNER, PROJECT, READER, works } from './access-life.js';

const test = suite('rotation crash');

const HOUR_MS = 3_600_000;
const CHANGES_MAX = 200;
const TIMEOUT_MS = 120_000;

/** A change, the key before it, and what may be found after a kill in the middle of it. */
interface Plan {
  readonly name: string;
  /** Prepares the key that the change is about. */
  prepare(life: Life): Promise<string>;
  /** Returns the key that it makes; undefined for none. */
  change(life: Life, key: string): Promise<string | undefined>;
  /** @param made whether the key that was returned works; undefined if none was */
  isRight(life: Life, old: boolean, made: boolean | undefined): boolean;
}

const activeReaders = (life: Life, scope: KeyScope): number => (
  life.lives.apiKeys.list(scope).filter(({ name, state }) => name === 'reader' && state === 'active').length
);
const idOf = (life: Life, key: string): string => life.keyring.lookUp(key)?.keyId ?? assert.fail('the key is known');

const PLANS: readonly Plan[] = [
  ...[PROJECT, GLOBAL].flatMap((scope) => [0, HOUR_MS].map((overlapMs): Plan => ({
    name: `a rotation of ${scope.kind} scope with an overlap of ${overlapMs} ms`,
    prepare: async (life) => (await life.lives.apiKeys.create(scope, READER, OWNER)).apiKey,
    change: async (life, key) => (await life.lives.apiKeys.rotate({ scope, keyId: idOf(life, key) }, overlapMs, OWNER)).apiKey,
    // Without an overlap, the file may have the new key before an answer has it: one of both works in any case.
    isRight: (life, old, made) => (old || overlapMs === 0) && made !== false && activeReaders(life, scope) > 0,
  }))),
  {
    name: 'a regeneration with an overlap',
    prepare: async (life) => life.shown.get('first_project') ?? '',
    change: async (life) => (await life.lives.regenerateKey('first_project', CONTEXT, HOUR_MS)).apiKey,
    isRight: (_, old, made) => old && made !== false,
  },
  ...[PROJECT, GLOBAL].map((scope): Plan => ({
    name: `a removal of ${scope.kind} scope`,
    prepare: async (life) => (await life.lives.apiKeys.create(scope, READER, OWNER)).apiKey,
    change: async (life, key) => {
      await life.lives.apiKeys.remove({ scope, keyId: idOf(life, key) }, OWNER);
      return undefined;
    },
    isRight: () => true,
  })),
];

interface Lived {
  readonly before: string;
  readonly made: string | undefined;
  readonly isDone: boolean;
  /** The changes of the disk that it made. */
  readonly count: number;
  readonly tearable: readonly number[];
  readonly lastChange: string;
}

/** Counts the changes of the disk from the prepared key on, and is killed at one of them. */
async function live(folder: string, plan: Plan, kill?: Kill): Promise<Lived> {
  const calm = await beginLife(folder);
  const before = await plan.prepare(calm);
  await calm.lives.close();
  const process = new KillSwitch();
  const life = await beginLife(folder, { disk: killingDisk(process), configDisk: killingConfigDisk(process) });
  process.restart(kill);
  let made: string | undefined;
  let isDone = false;
  try {
    made = await plan.change(life, before);
    isDone = true;
  } catch (error) {
    if (!process.isDead) throw error;
  }
  const { count, tearable } = process;
  if (!process.isDead) await life.lives.close();
  await process.bury();
  return { before, made, isDone, count, tearable, lastChange: process.lastChange };
}

async function killAt(plan: Plan, kill: Kill): Promise<void> {
  await inFolder(async (folder) => {
    const lived = await live(folder, plan, kill);
    const next = await beginLife(folder);
    const made = lived.made === undefined ? undefined : works(next, lived.made);
    const old = works(next, lived.before);
    const where = `killed ${kill.moment} change ${kill.change} (${lived.lastChange})`;
    assert.ok(plan.isRight(next, old, made), `${where}: old ${old}, new ${String(made)}`);
    const severe = next.logged.filter(({ level }) => level === 'error' || level === 'fatal');
    assert.deepEqual(severe, [], where);
    const keys = [PROJECT, GLOBAL].map((scope) => next.lives.apiKeys.list(scope));
    await next.lives.close();
    const again = await beginLife(folder);
    assert.deepEqual([PROJECT, GLOBAL].map((scope) => again.lives.apiKeys.list(scope)), keys, `${where}: another start changes nothing`);
    await again.lives.close();
  });
}

for (const plan of PLANS) {
  test(`a kill at any write of ${plan.name} leaves a key that works`, async () => {
    let count = 0;
    let tearable: readonly number[] = [];
    await inFolder(async (folder) => {
      const lived = await live(folder, plan);
      assert.ok(lived.isDone);
      ({ count, tearable } = lived);
    });
    assert.ok(count > 5 && count < CHANGES_MAX, String(count));
    const all = Array.from({ length: count }, (_, index): Kill => ({ change: index + 1, moment: 'after' }));
    for (const kill of [...all, ...tearable.map((change): Kill => ({ change, moment: 'torn' }))]) await killAt(plan, kill);
  }, { timeoutMs: TIMEOUT_MS });
}

test.run();
