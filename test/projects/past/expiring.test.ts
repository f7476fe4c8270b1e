/** Random histories of keys that expire: at each seq, listings and single keys are those that had not expired by the time of its line. */
import assert from 'node:assert/strict';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import { decodeEvent } from '../../../src/events/codec.js';
import { expiryAfter, keyChangesOf, rangeOf, removesKey, setsValue } from '../../../src/events/event.js';
import { isInRange } from '../../../src/events/key-range.js';
import type { BatchStep, Command, Expiry } from '../../../src/store/command.js';
import { readPastKey } from '../../../src/store/past-key.js';
import { PastReads } from '../../../src/store/past-reads.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { ManualClock } from '../../base/manual-clock.js';
import { inFolder } from '../../config/config-folder.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { beginLife, CONTEXT } from '../lives-fixture.js';

const test = suite('projects/past/expiring');

const KEYS = ['a', 'ab', 'b', 'c'] as const;
const RUNS = 12;
const TIMEOUT_MS = 240_000;
const CALM = new AbortController().signal;

type Step =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'compact' };

const key = fc.constantFrom(...KEYS);
const expiry: fc.Arbitrary<Expiry> = fc.oneof(
  fc.integer({ min: 1, max: 4 }).map((seconds) => ({ kind: 'after', seconds }) as const),
  fc.constantFrom({ kind: 'keep' } as const, { kind: 'never' } as const),
);
const batchStep: fc.Arbitrary<BatchStep> = fc.oneof(
  fc.tuple(key, fc.nat(), expiry).map(([name, number, when]) => ({ op: 'set', key: name, value: String(number), expiry: when }) as const),
  fc.tuple(key, expiry).map(([name, when]) => ({ op: 'touch', key: name, expiry: when }) as const),
  key.map((name) => ({ op: 'delete', key: name }) as const),
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(key, fc.nat(), expiry).map(([name, number, when]) => ({
      type: 'set', key: name, value: `${number}.0`, expiry: when,
    }) as const),
  },
  { weight: 3, arbitrary: fc.array(batchStep, { minLength: 1, maxLength: 4 }).map((steps) => ({ type: 'batch', steps }) as const) },
  { weight: 1, arbitrary: key.map((name) => ({ type: 'delete', key: name }) as const) },
  { weight: 1, arbitrary: fc.constantFrom({ type: 'clear' } as const, { type: 'clear.range', range: { prefix: 'a' } } as const) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: command.map((given) => ({ kind: 'command' as const, command: given })) },
  { weight: 3, arbitrary: fc.constantFrom(400, 1000, 2500).map((ms) => ({ kind: 'wait' as const, ms })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'compact' as const }) },
);

interface PlainEntry {
  readonly value: string;
  readonly seq: number;
  readonly expiresAtMs: number | null;
}

/** The visible entries after each line, from 1, computed as plainly as can be. */
async function statesOf({ feed }: ProjectStore): Promise<readonly ReadonlyMap<string, PlainEntry>[]> {
  const entries = new Map<string, PlainEntry>();
  const states: ReadonlyMap<string, PlainEntry>[] = [];
  for await (const { events } of feed.read({ afterSeq: 0, untilSeq: feed.end.seq })) {
    for (const { op, text, bodyStart, bodyEnd, seq, timeMs } of events) {
      const event = decodeEvent(op, text.toString('utf8', bodyStart, bodyEnd));
      if (event.op === 'clear') entries.clear();
      if (event.op === 'clear.range') for (const name of [...entries.keys()]) if (isInRange(name, rangeOf(event))) entries.delete(name);
      for (const change of keyChangesOf(event)) {
        const value = setsValue(change) ? change.value : entries.get(change.key)?.value ?? assert.fail('a key that is there');
        if (removesKey(change)) entries.delete(change.key);
        else entries.set(change.key, { value, seq, expiresAtMs: expiryAfter(change) });
      }
      states.push(new Map([...entries].filter(([, { expiresAtMs }]) => expiresAtMs === null || expiresAtMs > timeMs)));
    }
  }
  return states;
}

for (const onDisk of [true, false]) {
  test(`listings, counts and single keys, ${onDisk ? 'on disk' : 'in memory'}`, () => fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => inFolder(async (folder) => {
      const clock = new ManualClock();
      const life = await beginLife(folder, { clock });
      const { lives } = life;
      await lives.create({ id: 'shop', storage: { on_disk: onDisk, segment_bytes: 4096 } }, CONTEXT);
      const store = lives.store('shop');
      for (const one of steps) {
        if (one.kind === 'wait') clock.advance(one.ms);
        else if (one.kind === 'command') await store.submit(one.command, CONTEXT).catch(() => undefined);
        else if (onDisk) await lives.compact('shop', CONTEXT);
      }
      for (const [index, expected] of (await statesOf(store)).entries()) {
        const seq = index + 1;
        const names = [...expected.keys()].sort(compareUtf8);
        const { state, release } = await lives.pastState('shop', seq, CALM);
        assert.deepEqual([state.seq, state.count, await state.countIn({ prefix: 'a' })],
          [seq, names.length, names.filter((name) => name.startsWith('a')).length], `seq ${seq}`);
        const { entries, isLast } = await new PastReads(state).readPiece({}, 100);
        assert.deepEqual(entries.map(([name, entry]) => [name, { value: entry.value, seq: entry.seq, expiresAtMs: entry.expiresAtMs }]),
          names.map((name) => [name, expected.get(name)]), `seq ${seq}`);
        assert.ok(isLast || !onDisk);
        for (const name of KEYS) {
          const found = await readPastKey(store, name, seq, () => undefined);
          assert.ok(found.isKnown);
          const { entry } = found;
          const plain = entry && { value: entry.value, seq: entry.seq, expiresAtMs: entry.expiresAtMs };
          assert.deepEqual(plain, expected.get(name), `${name} at ${seq}`);
        }
        release();
      }
      await lives.close();
    })),
    { numRuns: RUNS },
  ), { timeoutMs: TIMEOUT_MS });
}

test.run();
