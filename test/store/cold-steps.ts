/** Steps of a test by model on a store that moves its values about: each beside a burst of writes that goes on meanwhile. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ColdSystem } from './cold-system.js';
import { anyWish, type Step, step, STEPS, submit } from './store-steps.js';
import type { StoreSystem } from './store-system.js';
import { readKey } from './read-key.js';

/** What goes on beside the writes. */
type Move = (system: ColdSystem) => Promise<void>;

function isCold(system: StoreSystem): asserts system is ColdSystem {
  assert.ok('shelf' in system, 'these steps are for a system that moves values');
}

const MOVES: Readonly<Record<string, Move>> = {
  compact: async (system) => await system.compact(),
  cacheOn: async (system) => await system.cache(true),
  cacheOff: async (system) => await system.cache(false),
  replaceLog: async (system) => await system.replaceLog(),
};

/** A move and writes at the same time, with a reader that looks at everything all the while. */
function moveStep(name: string): fc.Arbitrary<Step> {
  const writes = fc.array(anyWish, { maxLength: 10 });
  return writes.map((wishes) => step(`${name} beside ${wishes.map((one) => one.name).join(', ')}`, async (model, system) => {
    isCold(system);
    const commands = wishes.map(({ wish }) => wish(model));
    const writing = Promise.all(commands.map((command) => submit(system, command)));
    const reading = readAllKeys(system);
    const [answers] = await Promise.all([writing, reading, MOVES[name]?.(system)]);
    assert.deepEqual(answers, commands.map((command) => model.carryOut(command)));
  }));
}

/** Reads each key and everything several times. What comes back is of some moment; that it comes back at all is what is tested. */
async function readAllKeys({ store }: ColdSystem): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const { entries } = await store.reads.readPiece({}, 100);
    for (const [key, { seq, value }] of entries) {
      const now = await readKey(store, key);
      if (now?.seq === seq) assert.equal(now.value, value);
    }
  }
}

/** All steps, those of other stores included. */
export const COLD_STEPS: fc.Arbitrary<Step>[] = [...STEPS, ...Object.keys(MOVES).map(moveStep)];
