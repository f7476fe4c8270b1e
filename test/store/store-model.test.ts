import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SEGMENT_BYTES_MIN } from '../../src/api/project-settings.js';
import { BUILT_IN_SETTINGS, BUILT_IN_STORAGE, type ProjectSettings } from '../../src/events/project-settings.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { PROPERTY_RUNS } from '../test-form.js';
import { PlainModel } from './plain-model.js';
import { COLD_STEPS } from './cold-steps.js';
import { ColdSystem } from './cold-system.js';
import { compareAll, type Step, STEPS } from './store-steps.js';
import { FileSystem, MemorySystem, type StoreSystem } from './store-system.js';

const test = suite('store-model');

/** Set it to a number to walk other ways than the usual ones. */
const SEED_VARIABLE = 'TEST_SEED';
const SEED = Number(process.env[SEED_VARIABLE] ?? 20261122);

/** Walks over a log in memory, and over logs in files, where each takes longer. */
const WALKS = PROPERTY_RUNS / 4;
const WALKS_WITH_COLD_VALUES = PROPERTY_RUNS / 8;
const WALKS_OVER_FILES = PROPERTY_RUNS / 20;
const WALKS_OVER_UNSYNCED_FILES = PROPERTY_RUNS / 8;

const SETTINGS = { ...BUILT_IN_SETTINGS, storage: { ...BUILT_IN_STORAGE, segment_bytes: SEGMENT_BYTES_MIN } };
/** The same without a wait for the disk: most of what can go wrong has nothing to do with when lines are synced. */
const UNSYNCED = { ...SETTINGS, storage: { ...SETTINGS.storage, durability: 'os' } } as const;

interface Walk {
  readonly runs: number;
  readonly steps: number;
  readonly settings: ProjectSettings;
  /** @default {@link STEPS} */
  readonly from?: fc.Arbitrary<Step>[];
}

interface Started {
  readonly system: StoreSystem;
  /** Clears away what the system left. */
  readonly end: () => Promise<void>;
}

/** Takes random steps with a store and with a plain model beside it, and compares the two after each. */
async function walk({ runs, steps, settings, from = STEPS }: Walk, start: () => Promise<Started>): Promise<void> {
  const commands = fc.commands(from, { maxCommands: steps, size: 'max' });
  const property = fc.asyncProperty(commands, async (chosen) => {
    const { system, end } = await start();
    const model = new PlainModel(settings);
    try {
      await compareAll(model, system);
      await fc.asyncModelRun(() => ({ model, real: system }), chosen);
      await system.restart();
      await compareAll(model, system);
    } finally {
      await system.stop();
      await end();
    }
  });
  try {
    await fc.assert(property, { seed: SEED, numRuns: runs });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\nThe seed was ${SEED}; ${SEED_VARIABLE} sets another`, { cause: error });
  }
}

/** How many sealed segments the walks over files left, so that it is known that they rotated. */
async function walkOverFiles(wanted: Walk): Promise<number> {
  let sealedCount = 0;
  await walk(wanted, async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'simplekv-model-'));
    const system = await FileSystem.start(root, wanted.settings);
    return {
      system,
      end: async () => {
        sealedCount += await system.sealedCount();
        await rm(root, { recursive: true });
      },
    };
  });
  return sealedCount;
}

/** So that it is known that the walks did rotate. */
function assertMore(sealedCount: number, than: number): void {
  assert.ok(sealedCount > than, `${sealedCount} sealed segments`);
}

test('over a log in memory, a store does what a Map does', async () => {
  await walk(
    { runs: WALKS, steps: 60, settings: SETTINGS },
    async () => ({ system: await MemorySystem.start(SETTINGS), end: async () => await Promise.resolve() }),
  );
});

test('over a log in files that rotates, stops and is killed, a store does what a Map does', async () => {
  assertMore(await walkOverFiles({ runs: WALKS_OVER_FILES, steps: 60, settings: SETTINGS }), 4);
});

test('over a log in files that is not synced, a store does what a Map does, also when it is killed', async () => {
  assertMore(await walkOverFiles({ runs: WALKS_OVER_UNSYNCED_FILES, steps: 60, settings: UNSYNCED }), 10);
});

test('over a log in files, with values that are read from there, a store does what a Map does', async () => {
  const settings = { ...UNSYNCED, storage: { ...UNSYNCED.storage, cache_in_memory: false } };
  assertMore(await walkOverFiles({ runs: WALKS_OVER_FILES, steps: 60, settings }), 4);
});

test('while values move into snapshots, out of memory and into it, and logs are exchanged, a store does what a Map does', async () => {
  await walk(
    { runs: WALKS_WITH_COLD_VALUES, steps: 60, settings: SETTINGS, from: COLD_STEPS },
    async () => ({ system: await ColdSystem.start(SETTINGS), end: async () => await Promise.resolve() }),
  );
});

test.run();
