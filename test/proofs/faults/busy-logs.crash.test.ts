/**
 * Four projects whose segments are full after each write, on a disk whose syncs wait for each other: a rotation closes a file while
 * syncs are queued, those of timers among them.
 */
import assert from 'node:assert/strict';
import { DURABILITIES } from '../proof.js';
import { CONTEXT } from '../../projects/lives-fixture.js';
import { suite } from '../../suite.js';
import { diskWithConfig, startLife } from './faulted-life.js';
import { documentWith } from './life-script.js';
import { readAll } from './told.js';

const test = suite('busy-logs');

const OPEN = { authentication: { enabled: false } } as const;
const WRITES = 60;
const WRITERS = 2;
/** More than a segment. */
const VALUE = JSON.stringify('x'.repeat(5000));
/** More syncs wait than are under way, and each lasts for some rounds, in which timers go off. */
const SLOW = { inFlightMax: 2, rounds: 6 } as const;
const TIMEOUT_MS = 120_000;

for (const durability of DURABILITIES) {
  test(
    `${durability}: rotations of four projects while syncs wait for their turn take no log out of service`,
    async () => {
      const disk = diskWithConfig(documentWith(durability));
      disk.slowSyncs(SLOW);
      const life = await startLife(disk);
      for (const id of ['s', 't']) await life.lives.create({ id, storage: { on_disk: true, segment_bytes: 4096 }, ...OPEN }, CONTEXT);
      const ids = ['p', 'r', 's', 't'];
      const write = async (id: string, writer: number): Promise<void> => {
        for (let index = 0; index < WRITES; index += 1) {
          await life.lives.store(id).submit({ type: 'set', key: `${writer}/${index}`, value: VALUE }, CONTEXT);
        }
      };
      const writers = ids.flatMap((id) => Array.from({ length: WRITERS }, (_, writer) => write(id, writer)));
      const ended = await Promise.allSettled(writers);
      assert.deepEqual(ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])), []);
      assert.deepEqual(ids.map((id) => life.served(id)?.logState), ids.map(() => 'writable'));
      await life.lives.close();
      const again = await startLife(disk.crash({ content: 'synced', size: 'synced', names: 'synced' }));
      for (const id of ids) assert.equal((await readAll(again.lives.store(id))).size, WRITES * WRITERS, id);
      await again.lives.close();
    },
    { timeoutMs: TIMEOUT_MS },
  );
}

test.run();
