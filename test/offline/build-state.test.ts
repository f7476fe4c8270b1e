/** A state that is built from files is the one that a live project has, whatever its history. */
import assert from 'node:assert/strict';
import type { AnyEvent, BatchedChange, ProjectEvent } from '../../src/events/event.js';
import { snapshotsOf } from '../../src/offline/project-files.js';
import { buildGeneration } from '../../src/offline/tasks/build-generation.js';
import { KeyValues } from '../../src/projections/key-values.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { PROPERTY_RUNS } from '../test-form.js';
import { CREATE, DATA, emptyDataDisk, FIRST_TIME_MS, LOG_ID, putLog, writeLog } from './written-project.js';

const test = suite('offline/build-state');
const FILES = { dataFolder: DATA, project: 'p', logId: LOG_ID };
const SECOND_MS = 1000;
const TIMEOUT_MS = 120_000;

const key = fc.constantFrom('a', 'ab', 'b', 'é', '\u{10ffff}');
const ttl = fc.integer({ min: 0, max: 4 });
const change = fc.oneof(
  fc.record({ op: fc.constant('set' as const), key, value: fc.constantFrom('1', '"ü"') }),
  fc.record({ op: fc.constant('set.until' as const), ttl, key, value: fc.constantFrom('2', '{"a":1.0}') }),
  fc.record({ op: fc.constant('touch' as const), ttl: fc.option(ttl), key }),
  fc.record({ op: fc.constant('touch' as const), ttl: fc.option(ttl), key }),
  fc.record({ op: fc.constant('delete' as const), key }),
);
const step = fc.oneof(
  { weight: 8, arbitrary: change.map((one) => [one]) },
  { weight: 2, arbitrary: fc.uniqueArray(change, { selector: (one) => one.key }) },
  { weight: 3, arbitrary: fc.constant('expire' as const) },
  { weight: 1, arbitrary: fc.constantFrom('clear' as const, 'range' as const) },
);
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function timeOf(seq: number): number {
  return FIRST_TIME_MS + (seq - 1) * SECOND_MS;
}

function changesOf(changes: readonly Change[], values: KeyValues, seq: number): BatchedChange[] {
  return changes.filter((one) => one.op.startsWith('set') || values.versionOf(one.key) > 0).map((one) => {
    if (one.op === 'set') return { op: one.op, key: one.key, value: one.value };
    if (one.op === 'delete') return { op: one.op, key: one.key };
    const expiry = one.ttl === null ? null : new Date(timeOf(seq + one.ttl)).toISOString();
    if (one.op === 'touch') return { op: one.op, expires_at: expiry, key: one.key };
    return { op: one.op, expires_at: expiry ?? assert.fail(), key: one.key, value: one.value };
  });
}

function eventOf(one: Step, values: KeyValues, seq: number): ProjectEvent | undefined {
  if (one === 'clear') return { op: 'clear', count: values.count };
  if (one === 'range') return { op: 'clear.range', prefix: 'a', start: null, end: null, count: values.countIn({ prefix: 'a' }) };
  if (one === 'expire') {
    const keys = values.expiredKeys(timeOf(seq), 9);
    return keys.length === 0 ? undefined : { op: 'expire', keys };
  }
  const ops = changesOf(one, values, seq);
  return ops.length > 1 ? { op: 'batch', ops } : ops[0];
}

/** The events of some steps, and what a live project has after each. */
function lived(steps: readonly Step[]): { readonly events: readonly AnyEvent[]; readonly states: readonly unknown[] } {
  const values = new KeyValues();
  const events: AnyEvent[] = [CREATE];
  const states: unknown[] = [stateOf(values)];
  for (const one of steps) {
    const seq = events.length + 1;
    const event = eventOf(one, values, seq);
    if (event === undefined) continue;
    values.apply({ event, seq, timeMs: timeOf(seq), actor: '', hash: '0'.repeat(64) });
    events.push(event);
    states.push(stateOf(values));
  }
  return { events, states };
}

function stateOf(values: KeyValues): unknown {
  const { entries } = values.slice({}, 99);
  const shown = entries.map(([name, { value, seq, timeMs, expiresAtMs }]) => ({ name, value, seq, timeMs, expiresAtMs }));
  return { entries: shown, keySum: values.keySum };
}

test('each generation has the keys, values, versions and expiries of the live project, built from the log or on another one', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), fc.nat(), fc.nat(), async (steps, first, second) => {
    const { events, states } = lived(steps);
    const disk = emptyDataDisk();
    await putLog(disk, writeLog({ project: 'p', events, sealed: events.length > 3 ? [2] : [] }));
    const seqs = [first, second, events.length - 1].map((number) => (number % events.length) + 1).sort((a, b) => a - b);
    let previousSeq: number | undefined;
    for (const seq of new Set(seqs)) {
      const built = await buildGeneration({ ...FILES, toSeq: seq, previousSeq }, disk);
      const manifest = { ...built, project: 'p', logId: LOG_ID, seq, requests: null, isBase: false, segments: [], state: {} };
      await snapshotsOf(disk, FILES).commit(manifest);
      const entries: unknown[] = [];
      for await (const group of snapshotsOf(disk, FILES).readEntries(manifest)) {
        entries.push(...group.map(({ key: name, value, seq: version, timeMs, expiresAtMs }) => (
          { name, value, seq: version, timeMs, expiresAtMs }
        )));
      }
      assert.deepEqual({ entries, keySum: built.keySum }, states[seq - 1]);
      previousSeq = seq;
    }
  }), { numRuns: PROPERTY_RUNS / 2 });
}, { timeoutMs: TIMEOUT_MS });

test.run();
