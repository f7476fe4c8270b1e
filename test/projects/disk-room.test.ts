/** What readiness says of the room on the disk, and what writes are answered. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/logger.js';
import { LOW_WATER_BYTES_MAX, SpaceWatch } from '../../src/disk/space-watch.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { describeStore } from '../../src/projects/project-details.js';
import type { ReadinessCheck } from '../../src/projects/projects.js';
import { assessReadiness } from '../../src/projects/readiness.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { FaultDisk } from '../disk/fault-disk.js';
import { CONTEXT, create, set, submitWatched } from '../store/created-store.js';
import { PlacedLog } from '../store/placed-log.js';
import { suite } from '../suite.js';

const test = suite('disk-room');

const MARK = LOW_WATER_BYTES_MAX;
/** What a command counts for besides its value, of a key of one byte. */
const COMMAND_BYTES = 257;
const FREE_ABOVE_MARK = [-MARK, -1, 0, 1, 299_999, 300_000, 300_001, 1_000_000, MARK / 4, MARK, 100 * MARK];
const WRITE_BYTES = [300, 300_000, 1_000_000];

/** A project on a disk of which the free room is known, and what readiness says of it. */
class Watched {
  readonly disk = new FaultDisk();
  readonly clock = new ManualClock();
  readonly watch = new SpaceWatch({ disk: this.disk, folder: '/data', clock: this.clock, logger: silentLogger });
  readonly store = new ProjectStore({ log: new PlacedLog(), model: new ProjectModel(), space: this.watch });

  async create(): Promise<void> {
    this.disk.roomBytes = Number.MAX_SAFE_INTEGER;
    await this.store.submit(create(), CONTEXT);
  }

  /** Changes what is free, and lets the last look grow old. */
  setFree(bytes: number): void {
    this.disk.roomBytes = bytes;
    this.clock.advance(1000);
  }

  async write(sizeBytes: number): Promise<string> {
    const watched = submitWatched(this.store, set('k', '1'.repeat(sizeBytes - COMMAND_BYTES)));
    await watched.settled;
    return watched.outcome;
  }

  /** Asks as `/readyz?verbose` does. */
  async check(): Promise<ReadinessCheck> {
    await this.watch.refresh(0);
    const condition = {
      registry: 'writable', space: this.watch, compactionsFailing: 0, readableFailing: 0, scrubsDamaged: 0, filesUnmoved: 0,
      damagedReads: 0,
    } as const;
    const { id, state } = describeStore(this.store);
    const { checks } = assessReadiness({ count: 1, degraded: state === 'serving' ? [] : [{ id, state }] }, condition);
    return checks.find(({ name }) => name === 'disk_room') ?? assert.fail('there is no such check');
  }
}

/** What a check promises: size of the largest write that is taken, in bytes. */
function promised({ ok, detail }: ReadinessCheck): number {
  if (detail === 'enough') return Number.POSITIVE_INFINITY;
  if (detail.startsWith('low: ')) return 0;
  const [, bytes] = /^(?:enough for writes of up to|short: writes of more than) (\d+) bytes/.exec(detail) ?? [];
  assert.equal(ok, detail.startsWith('enough'), detail);
  return Number(bytes ?? assert.fail(detail));
}

test('the check disk_room and the answers to writes never contradict each other, whatever is free and whatever the size', async () => {
  const watched = new Watched();
  await watched.create();
  for (const sizeBytes of WRITE_BYTES) {
    // Both ways, since a disk that was low needs more room to be good again.
    for (const aboveMark of [...FREE_ABOVE_MARK, ...FREE_ABOVE_MARK.toReversed()]) {
      watched.setFree(MARK + aboveMark);
      const before = await watched.check();
      const outcome = await watched.write(sizeBytes);
      const what = `${aboveMark} bytes above the mark, a write of ${sizeBytes}: "${before.detail}", then ${outcome}`;
      assert.equal(outcome, sizeBytes <= promised(before) ? 'done' : 'disk_full', what);
      if (outcome !== 'done') assert.equal((await watched.check()).ok, false, what);
      if (outcome !== 'done') assert.equal(await watched.write(sizeBytes), 'disk_full', what);
    }
    watched.setFree(1000 * MARK);
    assert.deepEqual(await watched.check(), { name: 'disk_room', ok: true, detail: 'enough' });
  }
  await watched.watch.close();
});

test('a write that is refused for its own size fails the check until there is room for it, with both sizes', async () => {
  const watched = new Watched();
  await watched.create();
  watched.setFree(MARK + 200_000);
  assert.deepEqual([await watched.write(300_000), await watched.write(1000)], ['disk_full', 'done']);
  const short = await watched.check();
  assert.equal(short.ok, false);
  assert.match(short.detail, /^short: writes of more than (199000|200000) bytes get 507, as one of 300000 bytes did; smaller ones/);
  watched.setFree(MARK + 400_000);
  assert.equal((await watched.check()).ok, true);
  assert.equal(await watched.write(300_000), 'done');
});

test.run();
