/** Steps of a test by model: each is taken by the plain model and by the store, and then everything is compared. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AppError } from '../../src/base/app-error.js';
import type { LoadedEntry } from '../../src/projections/key-entry.js';
import { addTerm, keyTerm } from '../../src/projections/key-sum.js';
import type { BatchStep, Command, Precondition } from '../../src/store/command.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import type { DirectedRange } from '../../src/events/key-range.js';
import { arbitraryValue } from '../events/arbitrary-events.js';
import { isWithin } from '../events/plain-range.js';
import { FEW_KEYS } from './arbitrary-commands.js';
import { CONTEXT } from './created-store.js';
import type { Expected, PlainModel } from './plain-model.js';
import type { StoreSystem } from './store-system.js';

/** A step. */
export type Step = fc.AsyncCommand<PlainModel, StoreSystem>;
/** A command on a project that is there. */
export type Write = Exclude<Command, { type: 'project.create' | 'expire' | 'revert' | 'redact' }>;

/** More keys than a project of these tests has. */
const ALL = 1000;

/** A wish whose precondition is not fixed before the version that it is about is known. */
export type Wish = (model: PlainModel) => Write;

/** A step with the name that a failure shows. */
export function step(name: string, run: (model: PlainModel, system: StoreSystem) => Promise<void>): Step {
  return {
    check: () => true,
    run: async (model, system) => {
      await run(model, system);
      await compareAll(model, system);
    },
    toString: () => name,
  };
}

/** Whole entries, wherever their values are: a piece of a listing ends early when its values are many. */
async function entriesShown(store: ProjectStore, range: DirectedRange, limit: number): Promise<(readonly [string, LoadedEntry])[]> {
  const shown: (readonly [string, LoadedEntry])[] = [];
  for (let from = range; shown.length < limit; from = { ...range, after: shown.at(-1)?.[0] ?? '' }) {
    const { entries, isLast } = await store.reads.readPiece(from, limit - shown.length);
    shown.push(...entries);
    if (isLast) break;
  }
  return shown;
}

/** Compares all that a store shows with all that it should hold. */
export async function compareAll(model: PlainModel, { store }: StoreSystem): Promise<void> {
  const keys = model.sortedKeys();
  const shown = await entriesShown(store, {}, ALL);
  assert.deepEqual(shown.map(([key, { value, seq }]) => [key, { value, seq }]), keys.map((key) => [key, model.entries.get(key)]));
  assert.equal(store.snapshotPoint().keySum, keys.reduce((sum, key) => addTerm(sum, keyTerm(key, model.versionOf(key), null)), 0));
  assert.deepEqual(store.values.keys({ reverse: true }, ALL), [...keys].reverse());
  for (const key of FEW_KEYS) assert.equal(store.values.get(key)?.seq ?? 0, model.versionOf(key));
  assert.deepEqual([store.values.count, store.seq], [model.entries.size, model.seq]);
  const { contentBytes, valueBytes } = store.values;
  const keyBytes = keys.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  assert.deepEqual([contentBytes, valueBytes], [model.contentBytes(), model.contentBytes() - keyBytes]);
  const { seq, settings, keyId } = store.version;
  assert.deepEqual({ seq, settings, keyId }, { seq: model.revision, settings: model.settings, keyId: model.keyId });
}

/** Gives a store a command, and says what came of it as the plain model does. */
export async function submit(system: StoreSystem, command: Write): Promise<Expected> {
  try {
    const { seq, created, count, steps } = await system.store.submit(command, CONTEXT);
    return steps === undefined ? { seq, created, count } : { seq, created, count, steps };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, currentSeq: error.facts['current_seq'] as number | undefined };
  }
}

function writeStep(name: string, wish: Wish): Step {
  return step(name, async (model, system) => {
    const command = wish(model);
    assert.deepEqual(await submit(system, command), model.carryOut(command), name);
  });
}

/** Many at once: they are answered as if each had waited for the one before it. */
function burstStep(names: readonly string[], wishes: readonly Wish[]): Step {
  return step(`burst(${names.join(', ')})`, async (model, system) => {
    // All preconditions are made from what is known before the burst, as those of clients are.
    const commands = wishes.map((wish) => wish(model));
    const answers = await Promise.all(commands.map((command) => submit(system, command)));
    assert.deepEqual(answers, commands.map((command) => model.carryOut(command)));
  });
}

function startStep(name: string, start: (system: StoreSystem) => Promise<void>): Step {
  const shownBy = async ({ store }: StoreSystem): Promise<unknown> => ({
    entries: await entriesShown(store, {}, ALL), version: store.version, createdAtMs: store.createdAtMs,
    seq: store.seq, hash: store.hash, logId: store.logId,
  });
  return step(name, async (_model, system) => {
    const before = await shownBy(system);
    await start(system);
    assert.deepEqual(await shownBy(system), before);
  });
}

function listStep(range: DirectedRange, limit: number): Step {
  return step(`list(${JSON.stringify(range)}, ${limit})`, async (model, system) => {
    const keys = model.sortedKeys().filter((one) => isWithin(one, range));
    const expected = (range.reverse === true ? keys.reverse() : keys).slice(0, limit);
    assert.deepEqual(
      (await entriesShown(system.store, range, limit)).map(([key, { value }]) => [key, value]),
      expected.map((key) => [key, model.entries.get(key)?.value]),
    );
  });
}

const key = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...FEW_KEYS) }, { weight: 1, arbitrary: fc.nat({ max: 30 }).map((number) => `n/${number}`) },
);
const value = fc.oneof(
  { weight: 3, arbitrary: arbitraryValue },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 1500 }).map((length) => `"${'x'.repeat(length)}"`) },
);

type When = 'always' | 'there' | 'unchanged' | 'outdated' | 'absent' | 'never';
const when = fc.constantFrom<When>('always', 'always', 'there', 'unchanged', 'unchanged', 'outdated', 'absent', 'never');

function preconditionOf(kind: When, version: number): { readonly precondition?: Precondition } {
  switch (kind) {
    case 'always':
      return {};
    case 'there':
      return { precondition: { kind: 'match' } };
    case 'unchanged':
      return { precondition: { kind: 'match', seq: version } };
    case 'outdated':
      return { precondition: { kind: 'match', seq: Math.max(0, version - 1) } };
    case 'absent':
    case 'never':
      return { precondition: { kind } };
  }
}

const setWish = fc.tuple(key, value, when).map(([name, text, kind]) => ({
  name: `set ${JSON.stringify(name)} ${kind}`,
  wish: (model: PlainModel): Write => ({ type: 'set', key: name, value: text, ...preconditionOf(kind, model.versionOf(name)) }),
}));
const deleteWish = fc.tuple(key, when).map(([name, kind]) => ({
  name: `delete ${JSON.stringify(name)} ${kind}`,
  wish: (model: PlainModel): Write => ({ type: 'delete', key: name, ...preconditionOf(kind, model.versionOf(name)) }),
}));
const range: fc.Arbitrary<DirectedRange> = fc.record(
  { prefix: fc.constantFrom('', 'a', 'n/', '\u{1f600}'), start: key, end: key, reverse: fc.boolean() },
  { requiredKeys: [], noNullPrototype: true },
);

const clearLimits = fc.record({ expectCount: fc.nat({ max: 6 }), isDryRun: fc.boolean() }, { requiredKeys: [], noNullPrototype: true });
const clearWish = fc.option(clearLimits, { freq: 2, nil: {} }).map((limits) => ({
  name: `clear ${JSON.stringify(limits)}`, wish: (): Write => ({ type: 'clear', ...limits }),
}));
const rangeWish = fc.tuple(range, fc.option(clearLimits, { freq: 2, nil: {} })).map(([{ reverse: _reverse, ...bounds }, limits]) => ({
  name: `clear ${JSON.stringify(bounds)} ${JSON.stringify(limits)}`, wish: (): Write => ({ type: 'clear.range', range: bounds, ...limits }),
}));
const keyWish = fc.constantFrom('0123456789abcdef', null).map((keyId) => ({
  name: `key ${keyId}`, wish: (): Write => ({ type: 'project.key', keyId }),
}));
const quotaWish = fc.record({
  max_keys: fc.option(fc.nat({ max: 7 })), max_bytes: fc.option(fc.nat({ max: 3000 })),
}, { noNullPrototype: true }).map((quota) => ({
  name: `update ${JSON.stringify(quota)}`, wish: (): Write => ({ type: 'project.update', change: { quota } }),
}));
const updateWish = fc.tuple(
  fc.constantFrom('fsync', 'interval', 'os'), fc.integer({ min: 4096, max: 6000 }),
).map(([durability, segmentBytes]) => ({
  name: `update ${durability} ${segmentBytes}`,
  wish: (): Write => ({ type: 'project.update', change: { storage: { durability, segment_bytes: segmentBytes } } }),
}));
/** Steps of a batch on few keys, so that several are about one key. */
const batchParts = fc.tuple(key, value, when, fc.constantFrom('check', 'set', 'set', 'delete', 'delete!'));
const batchWish = fc.array(batchParts, { minLength: 1, maxLength: 6 })
  .map((parts) => ({
    name: `batch ${parts.map(([name, , kind, op]) => `${op} ${JSON.stringify(name)} ${kind}`).join(' + ')}`,
    wish: (model: PlainModel): Write => ({
      type: 'batch',
      steps: parts.map(([name, text, kind, op]): BatchStep => {
        const condition = preconditionOf(kind, model.versionOf(name));
        if (op === 'check') return { op, key: name, precondition: condition.precondition ?? { kind: 'match' } };
        if (op === 'set') return { op, key: name, value: text.trim(), ...condition };
        return { op: 'delete', key: name, ifExists: op === 'delete!', ...condition };
      }),
    }),
  }));
/** Any of the commands. */
export const anyWish = fc.oneof(
  { weight: 12, arbitrary: setWish }, { weight: 5, arbitrary: deleteWish }, { weight: 5, arbitrary: batchWish },
  { weight: 1, arbitrary: clearWish }, { weight: 1, arbitrary: rangeWish },
  { weight: 1, arbitrary: keyWish }, { weight: 1, arbitrary: updateWish }, { weight: 2, arbitrary: quotaWish },
);

/** The steps of which sequences are made. */
export const STEPS: fc.Arbitrary<Step>[] = [
  setWish.map(({ name, wish }) => writeStep(name, wish)),
  setWish.map(({ name, wish }) => writeStep(name, wish)),
  anyWish.map(({ name, wish }) => writeStep(name, wish)),
  anyWish.map(({ name, wish }) => writeStep(name, wish)),
  fc.array(anyWish, { minLength: 2, maxLength: 25 }).map((all) => burstStep(all.map(({ name }) => name), all.map(({ wish }) => wish))),
  fc.tuple(range, fc.integer({ min: 1, max: 10 })).map(([wanted, limit]) => listStep(wanted, limit)),
  fc.constant(startStep('restart', async (system) => await system.restart())),
  fc.constant(startStep('crash', async (system) => await system.crash())),
];
