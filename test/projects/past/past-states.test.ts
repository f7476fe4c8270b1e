/** How many past states are built at a time, how long they are kept, and what ends them. */
import assert from 'node:assert/strict';
import { setImmediate as nextRound } from 'node:timers/promises';
import { AppError } from '../../../src/base/app-error.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { BuiltPast, PastJob } from '../../../src/projections/snapshot/file-work.js';
import { ScratchFolder } from '../../../src/projections/snapshot/scratch-folder.js';
import { PastStates } from '../../../src/projects/past/past-states.js';
import type { PastLease } from '../../../src/store/past-state.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { ManualClock } from '../../base/manual-clock.js';
import { AMPLE_SPACE } from '../../disk/ample-space.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';

const test = suite('projects/past/past-states');

const DATA = '/data';
const BYTES_MAX = 1000;
const STATE_BYTES = 300;
const CALM = new AbortController().signal;

/** Builds that wait for the test. */
class Builds {
  readonly jobs: PastJob[] = [];
  readonly ended: string[] = [];
  #open: (() => void)[] = [];
  isShut = false;
  fault: Error | undefined;
  stateBytes = STATE_BYTES;

  readonly buildPast = async (job: PastJob, signal?: AbortSignal): Promise<BuiltPast> => {
    this.jobs.push(job);
    const name = nameOf(job);
    if (this.isShut) {
      await new Promise<void>((resolve, reject) => {
        this.#open.push(resolve);
        signal?.addEventListener('abort', () => {
          this.ended.push(name);
          reject(signal.reason as Error);
        });
      });
    }
    if (this.fault !== undefined) throw this.fault;
    const file = (sizeBytes: number): { sizeBytes: number; sha256: string } => ({ sizeBytes, sha256: '' });
    const generation = {
      seq: job.toSeq + 1, logId: job.logId, format: 2, keyCount: 0, keySum: 0, json: file(this.stateBytes), index: file(0), marks: [],
    } as const;
    return { timeMs: 1, generation };
  };

  /** Lets the first waiting build go on. */
  letOneGo(): void {
    this.#open.shift()?.();
  }

  get names(): string[] {
    return this.jobs.map(nameOf);
  }
}

function nameOf({ project, toSeq }: PastJob): string {
  return `${project} ${toSeq}`;
}

/** A project, of which a build needs no more. */
function storeOf(id: string, { oldestSeq = 1, snapshots = [] as number[] } = {}): ProjectStore & { readonly snapshots: readonly number[] } {
  const store = { id, logId: `log of ${id}`, isOnDisk: true, feed: { oldestSeq }, snapshot: null, snapshots };
  return store as unknown as ProjectStore & { readonly snapshots: readonly number[] };
}

interface Parts {
  readonly past: PastStates;
  readonly builds: Builds;
  readonly disk: FaultDisk;
  /** Leases on the files of projects that have not been released. */
  readonly leased: Set<string>;
  lease(store: ProjectStore, seq: number, signal?: AbortSignal): Promise<PastLease>;
  /** Folders of states, on disk. */
  folders(): readonly string[];
}

function makeParts({ space = AMPLE_SPACE as { readonly largestBytes: number } } = {}): Parts {
  const disk = new FaultDisk();
  disk.tree.makeFolder(DATA);
  const builds = new Builds();
  const leased = new Set<string>();
  const past = new PastStates({
    tasks: builds, scratch: new ScratchFolder(disk, DATA), dataFolder: DATA, space: { ...AMPLE_SPACE, ...space }, clock: new ManualClock(),
    logger: silentLogger, bytesMax: BYTES_MAX,
    leaseFiles: (project) => {
      leased.add(project);
      const fixed = { firstSeq: project.startsWith('cut') ? 100 : 1, snapshots: project === 'cut-150' ? [150] : [] };
      return Promise.resolve({ fix: () => fixed as never, sync: () => Promise.resolve(), release: () => void leased.delete(project) });
    },
  });
  const folders = (): readonly string[] => (
    disk.tree.find(`${DATA}/_past`) === undefined ? [] : [...disk.tree.folder(`${DATA}/_past`).names.keys()]
  );
  return { past, builds, disk, leased, lease: (store, seq, signal = CALM) => past.lease(store, seq, signal), folders };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
  return 'none';
}

async function rounds(count = 5): Promise<void> {
  for (let round = 0; round < count; round += 1) await nextRound();
}

test('callers of one state share its build, and later ones find it', async () => {
  const { lease, builds, folders, leased } = makeParts();
  const shop = storeOf('shop');
  const leases = await Promise.all([lease(shop, 5), lease(shop, 5), lease(shop, 5)]);
  assert.deepEqual(leases.map(({ state }) => state.seq), [5, 5, 5]);
  assert.equal((await lease(shop, 5)).state, leases[0]?.state);
  assert.deepEqual(builds.names, ['shop 5']);
  assert.equal(folders().length, 1);
  assert.equal(leased.size, 0);
});

test('before the first line there is an empty state, for which nothing is built', async () => {
  const { lease, builds } = makeParts();
  const { state } = await lease(storeOf('shop'), 0);
  assert.deepEqual([state.seq, state.count, await state.get('a'), (await state.slice({}, 5)).entries], [0, 0, undefined, []]);
  assert.deepEqual(builds.jobs, []);
});

test('one state of a project and two of the server are built at a time, five wait, and others are refused', async () => {
  const { lease, builds, folders } = makeParts();
  builds.isShut = true;
  builds.stateBytes = 1;
  const [shop, other] = [storeOf('shop'), storeOf('other')];
  const wanted = [1, 2, 3, 4, 5].map((seq) => lease(shop, seq));
  wanted.push(lease(other, 1), lease(storeOf('third'), 1));
  await rounds();
  assert.deepEqual(builds.names, ['shop 1', 'other 1']);
  assert.equal(await codeOf(lease(shop, 99)), 'busy');
  assert.equal(await codeOf(lease(storeOf('fourth'), 1)), 'busy');
  // Those that are being built or wait can still be joined.
  wanted.push(lease(shop, 1), lease(shop, 5));
  for (let built = 0; built < 7; built += 1) {
    builds.letOneGo();
    await rounds();
  }
  assert.equal((await Promise.all(wanted)).length, 9);
  assert.deepEqual(builds.names.filter((name) => name.startsWith('shop')), ['shop 1', 'shop 2', 'shop 3', 'shop 4', 'shop 5']);
  assert.equal(builds.jobs.length, 7);
  assert.equal(folders().length, 7);
});

test('a build ends when its last caller has left, and leaves nothing', async () => {
  const { lease, builds, folders, leased } = makeParts();
  builds.isShut = true;
  const shop = storeOf('shop');
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
  const wanted = [lease(shop, 1, first.signal), lease(shop, 1, second.signal), lease(shop, 2, third.signal)].map(codeOf);
  await rounds();
  first.abort(new AppError('bad_request', 'left'));
  third.abort(new AppError('bad_request', 'left'));
  await rounds();
  assert.deepEqual(builds.ended, []);
  second.abort(new AppError('bad_request', 'left'));
  await rounds();
  assert.deepEqual(builds.ended, ['shop 1']);
  assert.deepEqual(await Promise.all(wanted), ['bad_request', 'bad_request', 'bad_request']);
  assert.deepEqual([builds.names, folders(), leased.size], [['shop 1'], [], 0]);
  builds.isShut = false;
  assert.equal((await lease(shop, 1)).state.seq, 1);
});

test('the state that was read least recently makes room, and one that is being read does not', async () => {
  const { lease, builds, folders } = makeParts();
  const shop = storeOf('shop');
  const held = await lease(shop, 1);
  for (const seq of [2, 3]) (await lease(shop, seq)).release();
  (await lease(shop, 2)).release();
  (await lease(shop, 4)).release();
  assert.equal(folders().length, 3);
  builds.jobs.length = 0;
  for (const seq of [1, 2, 4]) (await lease(shop, seq)).release();
  assert.deepEqual(builds.names, []);
  (await lease(shop, 3)).release();
  assert.deepEqual(builds.names, ['shop 3']);
  held.release();
});

test('small states are counted too', async () => {
  const { lease, builds, folders } = makeParts();
  builds.stateBytes = 1;
  const shop = storeOf('shop');
  const held = await lease(shop, 1);
  for (let seq = 2; seq <= 150; seq += 1) (await lease(shop, seq)).release();
  assert.equal(folders().length, 100);
  builds.jobs.length = 0;
  for (const seq of [1, 150, 52]) (await lease(shop, seq)).release();
  assert.deepEqual(builds.names, []);
  (await lease(shop, 51)).release();
  assert.deepEqual(builds.names, ['shop 51']);
  held.release();
});

test('a state for which states in use leave no room is refused, and nothing of it stays', async () => {
  const { lease, folders } = makeParts();
  const shop = storeOf('shop');
  const held = await Promise.all([1, 2, 3].map((seq) => lease(shop, seq)));
  assert.equal(await codeOf(lease(shop, 4)), 'busy');
  assert.equal(folders().length, 3);
  held[0]?.release();
  held[0]?.release();
  assert.equal((await lease(shop, 4)).state.seq, 4);
  assert.equal(folders().length, 3);
});

test('a state that is larger than the space for all is refused; one that the disk has no room for is, too', async () => {
  const tooLarge = new AppError('state_too_large', 'too large', { facts: { limit: 1 } });
  const { lease, builds, folders } = makeParts();
  builds.fault = tooLarge;
  assert.equal(await codeOf(lease(storeOf('shop'), 1)), 'state_too_large');
  assert.equal(builds.jobs[0]?.bytesMax, BYTES_MAX);
  assert.deepEqual(folders(), []);
  const narrow = makeParts({ space: { largestBytes: 500 } });
  narrow.builds.fault = tooLarge;
  assert.equal(await codeOf(narrow.lease(storeOf('shop'), 1)), 'disk_full');
  assert.equal(narrow.builds.jobs[0]?.bytesMax, 250);
  const full = makeParts({ space: { largestBytes: -1 } });
  assert.equal(await codeOf(full.lease(storeOf('shop'), 1)), 'disk_full');
  assert.deepEqual([full.builds.jobs, full.folders()], [[], []]);
});

test('a build that fails leaves nothing, and the next attempt is another one', async () => {
  const { lease, builds, folders, leased } = makeParts();
  const shop = storeOf('shop');
  for (const [fault, code] of [
    [Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 }), 'disk_full'],
    [Object.assign(new Error('x'), { name: 'OutOfReachError' }), 'history_gone'],
    [Object.assign(new Error('x'), { name: 'SnapshotCorruptError' }), 'project_corrupt'],
    [new AppError('project_corrupt', 'x'), 'project_corrupt'],
  ] as const) {
    builds.fault = fault;
    assert.equal(await codeOf(lease(shop, 1)), code);
    assert.deepEqual([folders(), leased.size], [[], 0]);
  }
  builds.fault = undefined;
  assert.equal((await lease(shop, 1)).state.seq, 1);
});

test('a moment that neither lines nor snapshots lead to is gone; one that a snapshot leads to is not', async () => {
  const { lease, builds } = makeParts();
  assert.equal(await codeOf(lease(storeOf('cut', { oldestSeq: 100 }), 120)), 'history_gone');
  assert.equal(await codeOf(lease(storeOf('cut-150', { oldestSeq: 100 }), 149)), 'history_gone');
  assert.equal(await codeOf(lease(storeOf('cut-150', { oldestSeq: 100 }), 0)), 'history_gone');
  assert.deepEqual(builds.jobs, []);
  assert.equal((await lease(storeOf('cut-150', { oldestSeq: 100 }), 150)).state.seq, 150);
});

test('dropping the states of a project ends its builds and its readings, and removes its files; other projects keep theirs', async () => {
  const { past, lease, builds, folders } = makeParts();
  const [shop, other] = [storeOf('shop'), storeOf('other')];
  const held = await lease(shop, 1);
  const others = await lease(other, 1);
  builds.isShut = true;
  const wanted = [codeOf(lease(shop, 2)), codeOf(lease(shop, 3))];
  await rounds();
  assert.equal(folders().length, 3);
  await past.dropAll('shop');
  assert.deepEqual(await Promise.all(wanted), ['busy', 'busy']);
  assert.equal(folders().length, 1);
  assert.equal(await codeOf(held.state.get('a')), 'busy');
  assert.equal(await codeOf(others.state.get('a')), 'none');
  builds.isShut = false;
  assert.equal((await lease(shop, 1)).state.seq, 1);
});

test('after the end there are no states, and none is built', async () => {
  const { past, lease, builds, folders } = makeParts();
  const shop = storeOf('shop');
  const held = await lease(shop, 1);
  builds.isShut = true;
  const wanted = [codeOf(lease(shop, 2)), codeOf(lease(storeOf('other'), 2)), codeOf(lease(shop, 3))];
  await rounds();
  await past.close();
  assert.deepEqual(await Promise.all(wanted), ['shutting_down', 'shutting_down', 'shutting_down']);
  assert.equal(await codeOf(held.state.countIn({})), 'shutting_down');
  assert.equal(await codeOf(lease(shop, 4)), 'shutting_down');
  assert.deepEqual(folders(), []);
});

test('less space drops the states that were read least recently, and none that is being read', async () => {
  const { past, lease, folders } = makeParts();
  const shop = storeOf('shop');
  const kept = await lease(shop, 1);
  for (const seq of [2, 3]) (await lease(shop, seq)).release();
  assert.equal(folders().length, 3);
  await past.resize(1);
  assert.equal(folders().length, 1);
  kept.release();
});

test.run();
