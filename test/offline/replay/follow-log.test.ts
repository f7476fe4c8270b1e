/** Follows logs that grow: only lines that are final, each once, across rotations, and never another log. */
import assert from 'node:assert/strict';
import { createHead } from '../../../src/log/file/head-file.js';
import { followLog, readExtent } from '../../../src/offline/replay/follow-log.js';
import type { AnyEvent } from '../../../src/events/event.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { CREATE, DATA, emptyDataDisk, LOG_ID, set, writeLog, type WrittenLog } from '../written-project.js';

const test = suite('offline/replay/follow-log');

const EVENTS: readonly AnyEvent[] = [
  CREATE, set('a', '1'), set('say "ä"', '2'), { op: 'batch', ops: [set('a', '3'), { op: 'delete', key: 'b' }] as never },
  set('c', '4'), { op: 'clear', count: 3 }, set('d', '5'), set('a', '6'),
];

class Over extends Error {}

/** What to do each time that no more lines are final. */
type Step = () => void | Promise<void>;

function logOf(count: number, sealed: readonly number[] = [], logId = LOG_ID): WrittenLog {
  return writeLog({ project: 'p', logId, events: EVENTS.slice(0, count), sealed });
}

/** Puts files on the disk, without a head. As in a rotation, the active file gets the rest of its lines, then another name. */
async function put(disk: FaultDisk, log: WrittenLog): Promise<void> {
  const active = `${DATA}/p.jsonl`;
  disk.tree.makeFolder(`${DATA}/p`);
  for (const [name, text] of log.files) {
    const isThere = (await disk.status(active)) !== undefined;
    const continuesActive = isThere && text.startsWith(disk.bytesOf(active).toString('utf8'));
    if (continuesActive) disk.put(active, text);
    if (continuesActive && name !== 'p.jsonl') await disk.link(active, `${DATA}/${name}`);
    if (continuesActive) continue;
    disk.put(`${DATA}/new`, text);
    await disk.rename(`${DATA}/new`, `${DATA}/${name}`);
  }
}

async function putHead(disk: FaultDisk, log: WrittenLog, seq: number, logId = log.logId): Promise<void> {
  await createHead(disk, `${DATA}/p/head`, { logId, seq, hash: log.lines[seq - 1]?.hash ?? '' });
}

/** The seqs that a follower finds between the steps. */
async function followed(disk: FaultDisk, steps: readonly Step[], filter: object = {}, fromSeq = 1): Promise<readonly number[][]> {
  const rounds: number[][] = [[]];
  const rest = [...steps];
  const wait = async (): Promise<void> => {
    const step = rest.shift();
    if (step === undefined) throw new Over();
    await step();
    rounds.push([]);
  };
  const options = { disk, dataFolder: DATA, project: 'p', logId: LOG_ID, fromSeq, filter };
  await assert.rejects(async () => {
    for await (const lines of followLog(options, wait)) rounds.at(-1)?.push(...lines.map(({ seq }) => seq));
  }, Over);
  assert.deepEqual(disk.openPaths, []);
  return rounds;
}

test('a line is shown once a later line, the head or a later segment proves that it is on disk', async () => {
  const disk = emptyDataDisk();
  await put(disk, logOf(3));
  assert.deepEqual(await followed(disk, [
    () => putHead(disk, logOf(3), 3),
    () => put(disk, logOf(5)),
    () => put(disk, logOf(5, [5])),
    () => put(disk, logOf(8, [5])),
    () => putHead(disk, logOf(8), 8),
  ]), [[1, 2], [3], [4], [5], [6, 7], [8]]);
});

test('rotations between two looks lose nothing, and an unfinished line is waited for', async () => {
  const disk = emptyDataDisk();
  await put(disk, logOf(2));
  const torn = (): void => {
    const text = disk.bytesOf(`${DATA}/p.jsonl`);
    disk.put(`${DATA}/p.jsonl`, text.subarray(0, text.length - 40));
  };
  assert.deepEqual(await followed(disk, [
    () => put(disk, logOf(8, [3, 2, 1])),
    torn,
    () => put(disk, logOf(8, [3, 2, 1])),
    () => putHead(disk, logOf(8), 8),
  ]), [[1], [2, 3, 4, 5, 6, 7], [], [], [8]]);
});

test('a head of another log proves nothing, and one beyond the lines proves no more than there is', async () => {
  const disk = emptyDataDisk();
  await put(disk, logOf(3));
  await putHead(disk, logOf(8), 8, 'f'.repeat(32));
  assert.equal((await readExtent({ disk, dataFolder: DATA, project: 'p' })).finalSeq, 2);
  await putHead(disk, logOf(8), 8);
  const { firstSeq, lastSeq, finalSeq } = await readExtent({ disk, dataFolder: DATA, project: 'p' });
  assert.deepEqual([firstSeq, lastSeq, finalSeq], [1, 3, 3]);
});

test('lines are filtered by key, prefix, operation and request; a clear changes every key', async () => {
  const disk = emptyDataDisk();
  await put(disk, logOf(8));
  await putHead(disk, logOf(8), 8);
  const cases: [object, number[]][] = [
    [{ key: 'a' }, [2, 4, 6, 8]], [{ key: 'say "ä"' }, [3, 6]], [{ prefix: 'say' }, [3, 6]], [{ prefix: '' }, [2, 3, 4, 5, 6, 7, 8]],
    [{ key: 'a', op: 'set' }, [2, 4, 8]], [{ key: 'a', op: 'clear' }, [6]], [{ key: 'b', op: 'delete' }, [4]], [{ op: 'clear' }, [6]],
    [{ request: 'r3' }, [3]], [{ request: 'r' }, []], [{ actor: 'global#' }, [1, 2, 3, 4, 5, 6, 7, 8]],
  ];
  for (const [filter, seqs] of cases) assert.deepEqual(await followed(disk, [], filter), [seqs], JSON.stringify(filter));
  assert.deepEqual(await followed(disk, [], {}, 7), [[7, 8]]);
});

test('lines that are gone although they were final end the following', async () => {
  const disk = emptyDataDisk();
  await put(disk, logOf(5));
  const cut = (): void => disk.put(`${DATA}/p.jsonl`, logOf(2).files.get('p.jsonl') ?? '');
  const lines = followLog({ disk, dataFolder: DATA, project: 'p', logId: LOG_ID, fromSeq: 1, filter: {} }, () => Promise.resolve(cut()));
  assert.deepEqual((await lines.next()).value?.map(({ seq }: { seq: number }) => seq), [1, 2, 3, 4]);
  const message = 'Cannot trust "p.jsonl" at byte 0, seq 3: expected lines up to seq 4, found the end of the log';
  await assert.rejects(lines.next(), { name: 'LogCorruptError', message });
});

test('a damaged line ends the following with its place', async () => {
  const disk = emptyDataDisk();
  const log = logOf(8, [3]);
  await put(disk, log);
  const { file = '', offset = 0 } = log.lines[4] ?? {};
  const bytes = disk.bytesOf(`${DATA}/${file}`);
  bytes.writeUInt8(bytes.readUInt8(offset + 150) ^ 1, offset + 150);
  disk.put(`${DATA}/${file}`, bytes);
  const seqs: number[] = [];
  const lines = followLog({ disk, dataFolder: DATA, project: 'p', logId: LOG_ID, fromSeq: 1, filter: {} }, () => Promise.resolve());
  await assert.rejects(async () => {
    for await (const group of lines) seqs.push(...group.map(({ seq }) => seq));
  }, { name: 'LogCorruptError', message: new RegExp(`^Cannot trust "p\\.jsonl" at byte ${offset}, seq 5: `) });
  assert.deepEqual(seqs, [1, 2, 3, 4]);
});

test('another log in the place of the followed one, and none at all, end the following', async () => {
  for (const [change, reason] of [
    [(disk: FaultDisk) => put(disk, logOf(8, [], 'f'.repeat(32))), /^Cannot continue to follow "p": another log, f{32}, has taken/],
    [(disk: FaultDisk) => disk.unlink(`${DATA}/p.jsonl`), /^Cannot continue to follow "p": its log is gone\./],
  ] as const) {
    const disk = emptyDataDisk();
    await put(disk, logOf(3));
    const wait = async (): Promise<void> => await change(disk);
    const lines = followLog({ disk, dataFolder: DATA, project: 'p', logId: LOG_ID, fromSeq: 1, filter: {} }, wait);
    assert.equal((await lines.next()).done, false);
    await assert.rejects(lines.next(), { name: 'LogReplacedError', message: reason });
  }
});

test.run();
