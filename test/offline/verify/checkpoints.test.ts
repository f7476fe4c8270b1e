/** Checkpoints that were kept elsewhere, compared with the logs of a data folder while it is verified. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AnyEvent } from '../../../src/events/event.js';
import type { LogLine } from '../../../src/log/log.js';
import { CheckpointSet } from '../../../src/offline/verify/checkpoints.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import type { ProjectVerdict } from '../../../src/offline/verify/verify-project.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { EVENTS, flip, SCRATCH, SEGMENT_1, SEGMENT_5, soundFolder } from '../sound-folder.js';
import { CREATE, DATA, emptyDataDisk, LOG_ID, putLog, set, writeLog, type WrittenLog } from '../written-project.js';

const test = suite('offline/verify/checkpoints');
const OTHER_ID = 'f'.repeat(32);
const REGISTERED: AnyEvent = { op: 'project.created', id: 'p', log_id: LOG_ID };

type Checkpoint = Parameters<CheckpointSet['add']>[0];

/** The checkpoints of all lines of a log. */
function checkpointsOf({ project, logId, lines }: WrittenLog): Checkpoint[] {
  return lines.map(({ seq, hash, timeMs }) => ({ project, log_id: logId, seq, hash, time: new Date(timeMs).toISOString() }));
}

async function verify(disk: FaultDisk, checkpoints?: readonly Checkpoint[], only?: string): Promise<readonly ProjectVerdict[]> {
  const set = checkpoints && new CheckpointSet();
  for (const [index, checkpoint] of (checkpoints ?? []).entries()) set?.add(checkpoint, index + 1);
  const verdicts: ProjectVerdict[] = [];
  const options = { disk, dataFolder: DATA, scratchFolder: SCRATCH, checkpoints: set };
  for await (const verdict of verifyFolder(options, only)) verdicts.push(verdict);
  return verdicts;
}

/** The verdict on `p`. */
async function verdictOn(disk: FaultDisk, checkpoints: readonly Checkpoint[]): Promise<ProjectVerdict> {
  return (await verify(disk, checkpoints)).find(({ project }) => project === 'p') ?? assert.fail('no verdict on the project');
}

/** What became of the checkpoints: proven, not provable, and the seqs of the findings. */
function resultOf({ checkpoints, findings }: ProjectVerdict): readonly unknown[] {
  return [checkpoints?.proven, checkpoints?.notProvable, findings.map(({ seq }) => seq)];
}

async function putRegistry(disk: FaultDisk, ...events: readonly AnyEvent[]): Promise<void> {
  await putLog(disk, writeLog({ project: '_server', logId: 'e'.repeat(32), events }));
}

/** A data folder with another log of `p` in it. */
async function folderWith(log: WrittenLog, ...registry: readonly AnyEvent[]): Promise<FaultDisk> {
  const disk = emptyDataDisk();
  disk.tree.makeFolder(SCRATCH);
  await putLog(disk, log);
  await putRegistry(disk, ...registry);
  return disk;
}

test('the lines of a sound log prove their checkpoints, in whatever order the file has them', async () => {
  const { disk, log } = await soundFolder();
  const all = checkpointsOf(log);
  for (const checkpoints of [all, all.toReversed(), [...all, ...all], all.slice(10), all.filter(({ seq }) => seq % 3 === 0)]) {
    const verdict = await verdictOn(disk, checkpoints);
    assert.deepEqual(resultOf(verdict), [checkpoints.length, 0, []]);
    assert.equal(verdict.checkpoints?.provenSeq, Math.max(...checkpoints.map(({ seq }) => seq)));
    assert.deepEqual(verdict.notes, []);
  }
});

test('checkpoints cost no read of the log', async () => {
  const { disk, log } = await soundFolder();
  const readsOf = async (checkpoints?: readonly Checkpoint[]): Promise<number> => {
    const before = disk.calls.length;
    await verify(disk, checkpoints);
    return disk.calls.length - before;
  };
  const without = await readsOf();
  assert.equal(await readsOf(checkpointsOf(log)), without);
});

test('without checkpoints a verdict has none, and without those of a project its count is 0', async () => {
  const { disk, log } = await soundFolder();
  assert.ok((await verify(disk)).every((verdict) => !('checkpoints' in verdict)));
  const [registry, project] = await verify(disk, checkpointsOf(log).map((one) => ({ ...one, project: 'q' })));
  assert.deepEqual([registry?.checkpoints, project?.checkpoints?.count], [undefined, 0]);
});

test('a log of the same length and id with another history is found at each line from the change on', async () => {
  const { log } = await soundFolder();
  const forged = writeLog({ project: 'p', events: EVENTS.with(5, set('a', '3')), sealed: [4, 3] });
  const verdict = await verdictOn(await folderWith(forged, REGISTERED), checkpointsOf(log));
  assert.deepEqual(resultOf(verdict), [5, 0, [6, 7, 8, 9, 10, 11]]);
  assert.deepEqual(new Set(verdict.findings.map(({ kind }) => kind)), new Set(['altered']));
  const [line, other] = [log.lines[5], forged.lines[5]];
  const time = new Date(line?.timeMs ?? 0).toISOString();
  assert.deepEqual(verdict.findings[0], {
    file: 'p.jsonl', offset: 0, seq: 6, expected: `hash ${line?.hash ?? ''} and time ${time}, as line 6 of the checkpoints says`,
    found: `hash ${other?.hash ?? ''} and time ${time}`, kind: 'altered',
  });
});

test('an older copy of the whole folder, which is sound by itself, is found', async () => {
  const { log } = await soundFolder();
  const older = await folderWith(writeLog({ project: 'p', events: EVENTS.slice(0, 9), sealed: [4, 3] }), REGISTERED);
  assert.deepEqual((await verify(older)).flatMap(({ findings }) => findings), []);
  const verdict = await verdictOn(older, checkpointsOf(log));
  assert.deepEqual(resultOf(verdict), [9, 0, [10, 11]]);
  const found = verdict.findings.map((finding) => [finding.found, finding.kind]);
  assert.deepEqual(found, Array(2).fill(['the end of the log after seq 9', 'altered']));
});

test('a log that its head calls an older copy is called the same', async () => {
  const { disk, log } = await soundFolder([]);
  disk.put(`${DATA}/p.jsonl`, disk.bytesOf(`${DATA}/p.jsonl`).subarray(0, log.lines[9]?.offset));
  const { findings } = await verdictOn(disk, checkpointsOf(log));
  assert.deepEqual(findings.map(({ kind }) => kind), ['outdated', 'outdated', 'outdated']);
});

test('a checkpoint of another time, hash or seq is found', async () => {
  const { disk, log } = await soundFolder();
  const [first, second] = checkpointsOf(log);
  assert.ok(first && second);
  for (const wrong of [
    { ...first, time: second.time }, { ...first, hash: second.hash }, { ...first, hash: first.hash.replace(/./, '0') },
    { ...first, seq: 2 }, { ...first, seq: 12 }, { ...first, log_id: OTHER_ID },
  ]) assert.deepEqual(resultOf(await verdictOn(disk, [wrong, second])), [1, 0, [wrong.seq]], JSON.stringify(wrong));
});

test('lines that retention removed are not provable, and no fault', async () => {
  const { disk, log } = await soundFolder();
  const removal = { op: 'segment.removed', id: 'p', log_id: LOG_ID, first_seq: 1, last_seq: 4, bytes: 1, sha256: '0'.repeat(64) } as const;
  await putRegistry(disk, REGISTERED, removal);
  await disk.unlink(`${DATA}/${SEGMENT_1}`);
  const verdict = await verdictOn(disk, checkpointsOf(log));
  assert.deepEqual(resultOf(verdict), [7, 4, []]);
  assert.deepEqual(verdict.notes, ['not provable: 4 checkpoints of lines before seq 5, the first that is kept']);
});

test('a log that continues from a base has only the lines after it', async () => {
  const old = writeLog({ project: 'p', events: EVENTS });
  const base = { seq: 6, hash: old.lines[5]?.hash ?? '', digest: createHash('sha256').digest('hex') };
  const log = writeLog({ project: 'p', logId: OTHER_ID, events: EVENTS.slice(6), base });
  const disk = await folderWith(log, { op: 'project.created', id: 'p', log_id: OTHER_ID });
  const verdict = await verdictOn(disk, [...checkpointsOf(log), { ...(checkpointsOf(old)[3] as Checkpoint), log_id: OTHER_ID }]);
  assert.deepEqual([verdict.checkpoints?.proven, verdict.checkpoints?.notProvable], [5, 1]);
});

const END = { last_seq: 11, last_hash: 'a'.repeat(64) } as const;
const FATES: Readonly<Record<string, { readonly events: readonly AnyEvent[]; readonly note: RegExp }>> = {
  'a deleted project': {
    events: [{ op: 'project.deleted', id: 'p', log_id: LOG_ID, ...END }],
    note: /2 checkpoints of the log 0011\S+, which was deleted with its project at 20/,
  },
  'a project that was deleted and made again': {
    events: [{ op: 'project.deleted', id: 'p', log_id: LOG_ID, ...END }, { op: 'project.created', id: 'p', log_id: OTHER_ID }],
    note: /which was deleted with its project at 20/,
  },
  'a project that moved to memory': {
    events: [{ op: 'project.left', id: 'p', log_id: LOG_ID, ...END }],
    note: /put aside when its project moved to memory at 20.*--data and the folder "_left\/p-0011/,
  },
  'a repaired project': {
    events: [{ op: 'project.repaired', id: 'p', log_id: OTHER_ID, previous_log_id: LOG_ID, ...END, dropped_bytes: 1, copy: '_repair/p-1' }],
    note: /which was replaced by a repair at 20.*the folder "_repair\/p-1\/old"/,
  },
};

for (const [name, { events, note }] of Object.entries(FATES)) {
  test(`checkpoints of ${name} are not provable, and that is said`, async () => {
    const { log } = await soundFolder();
    const checkpoints = checkpointsOf(log).slice(0, 2);
    const isThere = events.at(-1)?.op !== 'project.deleted' && events.at(-1)?.op !== 'project.left';
    const now = writeLog({ project: isThere ? 'p' : 'q', logId: OTHER_ID, events: EVENTS });
    const disk = await folderWith(now, REGISTERED, ...events);
    const verdict = await verdictOn(disk, checkpoints);
    assert.deepEqual(resultOf(verdict), [0, 2, []]);
    assert.match(verdict.notes.join(), note);
  });
}

test('a log that the registry does not call ended is missing, or was replaced', async () => {
  const { log } = await soundFolder();
  const checkpoints = checkpointsOf(log).slice(0, 2);
  const replaced = await verdictOn(await folderWith(writeLog({ project: 'p', logId: OTHER_ID, events: EVENTS })), checkpoints);
  assert.deepEqual(resultOf(replaced), [0, 0, [1, 2]]);
  const [finding] = replaced.findings;
  assert.deepEqual([finding?.expected, finding?.found, finding?.kind], [
    `log_id ${LOG_ID}, as line 1 of the checkpoints says`, `log_id ${OTHER_ID}; the registry does not say that it was deleted`, 'altered',
  ]);
  const gone = await verdictOn(await folderWith(writeLog({ project: 'q', events: EVENTS })), checkpoints);
  assert.deepEqual(resultOf(gone), [0, 0, [1, 2]]);
  const found = gone.findings.map((one) => [one.kind, one.found]);
  assert.deepEqual(found, Array(2).fill(['missing', 'no log; the registry does not say that it was deleted']));
  const lost = await verdictOn(await folderWith(writeLog({ project: 'q', events: EVENTS }), REGISTERED), checkpoints);
  assert.deepEqual(lost.findings.map(({ kind }) => kind), ['missing', 'missing', 'missing']);
});

test('a deletion of another project of the same log id excuses nothing', async () => {
  const { log } = await soundFolder();
  const deletion: AnyEvent = { op: 'project.deleted', id: 'other', log_id: LOG_ID, ...END };
  const disk = await folderWith(writeLog({ project: 'q', events: [CREATE] }), deletion);
  assert.deepEqual(resultOf(await verdictOn(disk, checkpointsOf(log).slice(0, 1))), [0, 0, [1]]);
});

test('lines that cannot be read for damage are not provable, and those of other segments are proven', async () => {
  const { disk, log } = await soundFolder();
  flip(disk, SEGMENT_5, (log.lines[5]?.offset ?? 0) + 150);
  const verdict = await verdictOn(disk, checkpointsOf(log));
  assert.deepEqual([verdict.checkpoints?.proven, verdict.checkpoints?.notProvable, verdict.findings.length], [9, 2, 1]);
  assert.deepEqual(verdict.notes, ['not provable: 2 checkpoints of lines that could not be read']);
});

test('lines that a server removes while they are verified are not provable', async () => {
  const { log } = await soundFolder();
  const set = new CheckpointSet();
  for (const [index, checkpoint] of checkpointsOf(log).entries()) set.add(checkpoint, index + 1);
  const lines = log.lines.map(({ seq, hash, timeMs }) => ({ seq, hash, timeMs })) as unknown as readonly LogLine[];
  set.of('p').compare([...lines.slice(0, 4), ...lines.slice(7, 10)]);
  const verified = { project: 'p', logId: LOG_ID, firstSeq: 1, lastSeq: 10, findings: [] };
  const verdict = await set.of('p').judge(verified, () => Promise.resolve(new Map()));
  assert.deepEqual([verdict.proven, verdict.notProvable, verdict.findings.map(({ seq }) => seq)], [7, 3, [11]]);
});

test('with one project, only its checkpoints are compared', async () => {
  const { disk, log } = await soundFolder();
  const others = checkpointsOf(log).map((one) => ({ ...one, project: 'q' }));
  const verdicts = await verify(disk, [...checkpointsOf(log), ...others], 'p');
  assert.deepEqual(verdicts.map(({ project, findings }) => [project, findings.length]), [['p', 0]]);
  const whole = await verify(disk, [...checkpointsOf(log), ...others]);
  assert.deepEqual(whole.map(({ project, findings }) => [project, findings.length]), [['_server', 0], ['p', 0], ['q', 11]]);
});

test.run();
