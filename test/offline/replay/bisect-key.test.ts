import assert from 'node:assert/strict';
import type { AnyEvent } from '../../../src/events/event.js';
import { bisectKey } from '../../../src/offline/replay/bisect-key.js';
import { readStoredKey } from '../../../src/offline/replay/read-stored-key.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { CREATE, DATA, FIRST_TIME_MS, putLog, set, writeLog } from '../written-project.js';

const test = suite('offline/replay/bisect-key');
const SOURCE = { dataFolder: DATA, project: 'p' } as const;

/** Line 4 of a log has this time. */
function timeOf(seq: number): string {
  return new Date(FIRST_TIME_MS + (seq - 1) * 1000).toISOString();
}

const EVENTS: readonly AnyEvent[] = [
  CREATE,
  set('a', '1'),
  { op: 'batch', ops: [{ op: 'set', key: 'b', value: '1' }, { op: 'set', key: 'a', value: '2' }] },
  set('other', '1'),
  { op: 'delete', key: 'a' },
  { op: 'set.until', expires_at: timeOf(8), key: 'a', value: '3' },
  { op: 'touch', expires_at: timeOf(9), key: 'a' },
  set('other', '2'),
  set('other', '3'),
  { op: 'expire', keys: ['a'] },
  set('a', '1'),
  { op: 'clear.range', prefix: 'a', start: null, end: null, count: 1 },
  set('b', '2'),
  { op: 'clear', count: 2 },
];

async function diskOf(): Promise<FaultDisk> {
  const disk = new FaultDisk();
  disk.tree.makeFolder(DATA);
  await putLog(disk, writeLog({ project: 'p', events: EVENTS, sealed: [4, 4] }));
  return disk;
}

async function found(key: string, holds: (value: string | null | undefined) => boolean): Promise<readonly unknown[]> {
  const { line, heldAtStart, hasExpired } = await bisectKey({ disk: await diskOf(), ...SOURCE, key, holds });
  return [line?.seq, heldAtStart, hasExpired];
}

test('the line is the first after which the condition holds that did not hold before', async () => {
  assert.deepEqual(await found('a', (value) => value === '1'), [2, false, false]);
  assert.deepEqual(await found('a', (value) => value === '2'), [3, false, false]);
  assert.deepEqual(await found('a', (value) => value === '3'), [6, false, false]);
  assert.deepEqual(await found('a', (value) => value !== undefined), [2, false, false]);
  assert.deepEqual(await found('a', (value) => value === undefined), [5, true, false]);
  assert.deepEqual(await found('b', (value) => value === undefined), [14, true, false]);
  assert.deepEqual(await found('none', (value) => value === undefined), [undefined, true, false]);
  assert.deepEqual(await found('none', (value) => value !== undefined), [undefined, false, false]);
  assert.deepEqual(await found('a', (value) => value === '9'), [undefined, false, false]);
});

test('a key is absent from its expiry on, at the first line of that time', async () => {
  let wasThere = false;
  const isGoneAgain = (value: string | null | undefined): boolean => {
    wasThere ||= value === '3';
    return wasThere && value === undefined;
  };
  assert.deepEqual(await found('a', isGoneAgain), [9, false, true]);
});

test('it agrees with readings at each seq', async () => {
  const disk = await diskOf();
  for (const key of ['a', 'b', 'other']) {
    const values: (string | undefined)[] = [undefined];
    for (let seq = 1; seq <= EVENTS.length; seq += 1) values.push((await readStoredKey({ disk, ...SOURCE }, key, { seq }))?.value);
    for (const wanted of new Set(values)) {
      const expected = values.findIndex((value, seq) => seq > 0 && value === wanted && values[seq - 1] !== wanted);
      const { line } = await bisectKey({ disk, ...SOURCE, key, holds: (value) => value === wanted });
      assert.equal(line?.seq ?? -1, expected, `${key} ${wanted}`);
    }
  }
  assert.deepEqual(disk.openPaths, []);
});

test('damage is reported, even after the line', async () => {
  const disk = await diskOf();
  const file = disk.tree.file(`${DATA}/p/${'5'.padStart(20, '0')}.jsonl`);
  file.bytes.write('#', file.bytes.indexOf('"op":"delete"'));
  await assert.rejects(bisectKey({ disk, ...SOURCE, key: 'a', holds: (value) => value === '3' }), { code: 'project_corrupt' });
  assert.equal((await bisectKey({ disk, ...SOURCE, key: 'a', holds: (value) => value === '2' })).line?.seq, 3);
});

test.run();
