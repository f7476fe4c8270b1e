/** Verification finds any damage in a data folder, names its place, and changes nothing. */
import assert from 'node:assert/strict';
import { CHANGING_METHODS, FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import { encodeSealLine } from '../../../src/log/segment-format.js';
import type { ProjectVerdict } from '../../../src/offline/verify/verify-project.js';
import { snapshotsOf } from '../../../src/offline/project-files.js';
import { commitSnapshot, EVENTS, flip, SCRATCH, SEGMENT_1, SEGMENT_5, snap, soundFolder, type SoundFolder } from '../sound-folder.js';
import { DATA, LOG_ID, putLog, set, writeLog } from '../written-project.js';

const test = suite('offline/verify/verify-folder');

const SEALED_8 = '00000000000000000008.jsonl';

async function verify(disk: FaultDisk, only?: string): Promise<readonly ProjectVerdict[]> {
  const verdicts: ProjectVerdict[] = [];
  const options = { disk, dataFolder: DATA, scratchFolder: SCRATCH };
  for await (const verdict of verifyFolder(options, only)) verdicts.push(verdict);
  return verdicts;
}

/** A finding in short: file, line, seq. */
async function findings(disk: FaultDisk): Promise<readonly string[]> {
  const found = (await verify(disk)).flatMap((verdict) => verdict.findings);
  return found.map(({ file, line, seq }) => `${file}:${line ?? '-'} seq ${seq ?? '-'}`);
}

test('a sound folder has no findings, and its contents are counted', async () => {
  const { disk } = await soundFolder();
  const [server, project] = await verify(disk);
  assert.deepEqual([server?.project, server?.findings, server?.lineCount], ['_server', [], 1]);
  const { findings: found, notes, ...facts } = project ?? { findings: ['none'], notes: ['none'] };
  assert.deepEqual([found, notes], [[], []]);
  const read = [...disk.contents()].filter(([name]) => /\/p(?:\.jsonl|\/\d{20}\.jsonl|\/snap-.*\.(?:json|index))$/.test(name));
  const bytes = read.reduce((sum, [, content]) => sum + content.length, 0);
  const counts = { lineCount: 11, segmentCount: 3, bytes, snapshots: [9, 6] };
  assert.deepEqual(facts, { project: 'p', logId: LOG_ID, firstSeq: 1, lastSeq: 11, ...counts });
});

test('verifying changes nothing in the data folder', async () => {
  const { disk } = await soundFolder();
  flip(disk, SEGMENT_5, 400);
  const before = disk.contents();
  const start = disk.calls.length;
  await verify(disk);
  assert.deepEqual(disk.contents(), before);
  const changing = disk.calls.slice(start).filter(({ method, path }) => CHANGING_METHODS.includes(method) && path.startsWith(`${DATA}/`));
  assert.deepEqual(changing.filter(({ method }) => method !== 'open'), []);
  assert.deepEqual(disk.openPaths, []);
});

/** A change to a folder, and its findings. */
interface Fault {
  readonly harm: (folder: SoundFolder) => Promise<void> | void;
  readonly found: readonly string[];
}

/** By name. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'a changed bit in a sealed segment': {
    harm: ({ disk, log }) => flip(disk, SEGMENT_1, (log.lines[2]?.offset ?? 0) + 150), found: [`${SEGMENT_1}:4 seq 3`],
  },
  'changed bits in two segments': {
    harm: ({ disk, log }) => {
      flip(disk, SEGMENT_1, (log.lines[1]?.offset ?? 0) + 150);
      flip(disk, SEGMENT_5, (log.lines[5]?.offset ?? 0) + 150);
    },
    found: [`${SEGMENT_1}:3 seq 2`, `${SEGMENT_5}:3 seq 6`],
  },
  'a changed bit in the active segment, before its end': {
    harm: ({ disk, log }) => flip(disk, 'p.jsonl', (log.lines[8]?.offset ?? 0) + 150), found: ['p.jsonl:3 seq 9'],
  },
  'a missing segment': { harm: ({ disk }) => disk.unlink(`${DATA}/${SEGMENT_5}`), found: [`${SEGMENT_5}:- seq 5`] },
  'a missing first segment': {
    harm: ({ disk }) => disk.unlink(`${DATA}/${SEGMENT_1}`), found: [`${SEGMENT_1}:- seq 1`],
  },
  'a log that ends before its head': {
    harm: ({ disk, log }) => disk.put(`${DATA}/p.jsonl`, disk.bytesOf(`${DATA}/p.jsonl`).subarray(0, log.lines[10]?.offset)),
    found: ['p.jsonl:5 seq 11'],
  },
  'a log that ends before its snapshot, with no head': {
    harm: async ({ disk, log }) => {
      await disk.unlink(`${DATA}/p/head`);
      disk.put(`${DATA}/p.jsonl`, disk.bytesOf(`${DATA}/p.jsonl`).subarray(0, log.lines[8]?.offset));
    },
    found: ['p.jsonl:3 seq 9'],
  },
  'a changed bit in a snapshot': { harm: ({ disk }) => flip(disk, snap(9, 'json'), 8), found: [`${snap(9, 'json')}:2 seq 9`] },
  'a changed bit in an index': { harm: ({ disk }) => flip(disk, snap(6, 'index'), 3), found: [`${snap(6, 'index')}:1 seq 6`] },
  'a changed bit in a manifest': { harm: ({ disk }) => flip(disk, snap(6, 'manifest'), 90), found: [`${snap(6, 'manifest')}:1 seq 6`] },
  'an active segment beside a sealed one of its name with another text': {
    harm: ({ disk, log }) => {
      const seal = encodeSealLine({ sealedName: SEALED_8, nextSeq: 12, nextName: 'p.jsonl' }, log.lines.at(-1)?.hash ?? '');
      disk.put(`${DATA}/p/${SEALED_8}`, Buffer.concat([disk.bytesOf(`${DATA}/p.jsonl`), Buffer.from(seal)]));
    },
    found: ['p.jsonl:1 seq 8'],
  },
  'a registered log that is not there': {
    harm: async ({ disk }) => {
      await disk.unlink(`${DATA}/p.jsonl`);
      disk.tree.remove(`${DATA}/p`);
    },
    found: ['p.jsonl:- seq -'],
  },
  'a log of another id than the registered one': {
    harm: ({ disk }) => {
      const events = [{ op: 'project.created', id: 'p', log_id: 'f'.repeat(32) }] as const;
      return putLog(disk, writeLog({ project: '_server', logId: 'e'.repeat(32), events }));
    },
    found: [
      `${SEGMENT_1}:1 seq 1`, `${SEGMENT_5}:1 seq 5`, 'p.jsonl:1 seq 8', 'p/head:- seq 11',
      `${snap(9, 'manifest')}:1 seq 9`, `${snap(6, 'manifest')}:1 seq 6`,
    ],
  },
  'a changed bit in the log of the server': { harm: ({ disk }) => flip(disk, '_server.jsonl', 400), found: ['_server.jsonl:2 seq 1'] },
  'no log of the server': {
    harm: async ({ disk }) => {
      await disk.unlink(`${DATA}/_server.jsonl`);
      disk.tree.remove(`${DATA}/_server`);
    },
    found: ['_server.jsonl:- seq -'],
  },
};

for (const [name, { harm, found }] of Object.entries(FAULTS)) {
  test(`found: ${name}`, async () => {
    const folder = await soundFolder();
    await harm(folder);
    assert.deepEqual(await findings(folder.disk), found);
  });
}

test('found: an intact snapshot with another state than the log', async () => {
  const { disk } = await soundFolder([]);
  const events = EVENTS.with(5, set('a', '3'));
  const { files } = writeLog({ project: 'p', events, sealed: [4, 3] });
  const own = disk.contents();
  for (const [name, text] of files) disk.put(`${DATA}/${name}`, text);
  await commitSnapshot(disk, 9);
  // The manifest is given the hash that the right log has, as one who forges it would.
  for (const name of files.keys()) disk.put(`${DATA}/${name}`, own.get(`${DATA}/${name}`) ?? '');
  const found = await findings(disk);
  assert.deepEqual(found, [`${snap(9, 'manifest')}:1 seq 9`]);
});

test('a torn tail is no finding, and is noted', async () => {
  const { disk } = await soundFolder();
  disk.put(`${DATA}/p.jsonl`, Buffer.concat([disk.bytesOf(`${DATA}/p.jsonl`), Buffer.from('{"seq":12,"ti')]));
  const [, project] = await verify(disk);
  assert.deepEqual(project?.findings, []);
  assert.match(project?.notes.join() ?? '', /13 bytes/);
});

test('a note says what startup does about a head or a torn tail only if startup serves the project', async () => {
  const { disk } = await soundFolder();
  await disk.unlink(`${DATA}/p/head`);
  disk.put(`${DATA}/p.jsonl`, Buffer.concat([disk.bytesOf(`${DATA}/p.jsonl`), Buffer.from('{"seq":12,"ti')]));
  const notesOf = async (): Promise<string> => (await verify(disk)).flatMap(({ notes }) => notes).join('\n');
  const served = await notesOf();
  const absent = 'no head file, as in a copy of the folder; the next startup writes one';
  assert.match(served, new RegExp(`torn tail that is cut when the project is next served\\n${absent}$`));
  flip(disk, snap(9, 'json'), 8);
  assert.equal(await notesOf(), served, 'a damaged snapshot keeps no project from being served');
  await disk.unlink(`${DATA}/${SEGMENT_5}`);
  const refused = await notesOf();
  assert.match(refused, /^13 bytes at the end: not a whole line\nthe head is missing or damaged, so it does not say where the log ended$/);
});

test('a missing head beside a sound log is a mere note, and a damaged one is called damaged', async () => {
  const { disk } = await soundFolder();
  const notesOf = async (): Promise<readonly string[]> => (await verify(disk)).flatMap(({ notes }) => notes);
  disk.put(`${DATA}/p/head`, Buffer.alloc(8192));
  assert.deepEqual(await notesOf(), ['the head is damaged; it is rewritten when the project is next served']);
  await disk.unlink(`${DATA}/p/head`);
  assert.deepEqual(await notesOf(), ['no head file, as in a copy of the folder; the next startup writes one']);
});

test('a log that ends before a sound snapshot is called outdated, as by startup', async () => {
  const { disk, log } = await soundFolder();
  await disk.unlink(`${DATA}/p/head`);
  disk.put(`${DATA}/p.jsonl`, disk.bytesOf(`${DATA}/p.jsonl`).subarray(0, log.lines[8]?.offset));
  const [, project] = await verify(disk);
  const end = { expected: 'lines up to seq 9 as the snapshot says', found: 'the end of the log after seq 8' };
  assert.deepEqual(project?.findings, [{ file: 'p.jsonl', offset: log.lines[8]?.offset, seq: 9, ...end, kind: 'outdated', line: 3 }]);
});

test('segments that retention removed are no finding', async () => {
  const { disk } = await soundFolder();
  const removal = { op: 'segment.removed', id: 'p', log_id: LOG_ID, first_seq: 1, last_seq: 4, bytes: 1, sha256: '0'.repeat(64) } as const;
  const registered = { op: 'project.created', id: 'p', log_id: LOG_ID } as const;
  await putLog(disk, writeLog({ project: '_server', logId: 'e'.repeat(32), events: [registered, removal] }));
  await disk.unlink(`${DATA}/${SEGMENT_1}`);
  assert.deepEqual(await findings(disk), []);
  await disk.unlink(`${DATA}/${SEGMENT_5}`);
  assert.deepEqual(await findings(disk), [`${SEGMENT_5}:- seq 5`]);
});

/** The same files under the same names with other inodes, as `cp -r`, `tar` and `rsync` make them. */
function copyOf(disk: FaultDisk): FaultDisk {
  const copy = new FaultDisk();
  for (const folder of [`${DATA}/p`, `${DATA}/_server`, SCRATCH]) copy.tree.makeFolder(folder);
  if (disk.tree.find(`${DATA}/p.json`)?.kind === 'folder') copy.tree.makeFolder(`${DATA}/p.json`);
  for (const [path, bytes] of disk.contents()) copy.put(path, bytes);
  return copy;
}

/** Changes to the readable snapshot, and whether they are worth a note. */
const READABLE: Readonly<Record<string, { readonly happen: (disk: FaultDisk) => void; readonly isNoted: boolean }>> = {
  'is the newest snapshot': { happen: () => undefined, isNoted: false },
  'is a second name of the newest snapshot, as older versions made it': {
    happen: (disk) => {
      disk.tree.remove(`${DATA}/p.json`);
      disk.tree.link(`${DATA}/${snap(9, 'json')}`, `${DATA}/p.json`);
    },
    isNoted: false,
  },
  'is not there': { happen: (disk) => disk.tree.remove(`${DATA}/p.json`), isNoted: false },
  'is empty': { happen: (disk) => disk.put(`${DATA}/p.json`, ''), isNoted: true },
  'has as many bytes and other ones': {
    happen: (disk) => disk.put(`${DATA}/p.json`, Buffer.alloc(disk.bytesOf(`${DATA}/p.json`).length, 'x')), isNoted: true,
  },
  'is that of the snapshot before': {
    happen: (disk) => disk.put(`${DATA}/p.json`, disk.bytesOf(`${DATA}/${snap(6, 'json')}`)), isNoted: true,
  },
  'is a folder': {
    happen: (disk) => {
      disk.tree.remove(`${DATA}/p.json`);
      disk.tree.makeFolder(`${DATA}/p.json`);
    },
    isNoted: true,
  },
};
for (const [name, { happen, isNoted }] of Object.entries(READABLE)) {
  test(`a copy of the folder is sound, and so is a readable snapshot that ${name}`, async () => {
    const { disk } = await soundFolder();
    const snapshots = snapshotsOf(disk, { dataFolder: DATA, project: 'p' });
    await snapshots.readable.write(await snapshots.read(9));
    happen(disk);
    for (const folder of [disk, copyOf(disk)]) {
      const [, project] = await verify(folder);
      assert.deepEqual(project?.findings, []);
      const notes = project?.notes.map((note) => note.includes('"p.json" differs from the snapshot of seq 9'));
      assert.deepEqual(notes, isNoted ? [true] : []);
    }
  });
}

test('a copy of a folder with an interrupted rotation is sound', async () => {
  const { disk, log } = await soundFolder();
  const seal = encodeSealLine({ sealedName: SEALED_8, nextSeq: 12, nextName: 'p.jsonl' }, log.lines.at(-1)?.hash ?? '');
  for (const name of ['p.jsonl', `p/${SEALED_8}`]) {
    disk.put(`${DATA}/${name}`, Buffer.concat([Buffer.from(log.files.get('p.jsonl') ?? ''), Buffer.from(seal)]));
  }
  assert.deepEqual(await findings(disk), []);
});

test('one project can be verified alone', async () => {
  const { disk } = await soundFolder();
  assert.deepEqual((await verify(disk, 'p')).map(({ project }) => project), ['p']);
  assert.deepEqual((await verify(disk, '_server')).map(({ project }) => project), ['_server']);
});

test.run();
