/** Past states of a project whose files are compacted and removed meanwhile, and on a disk that fails. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { ScratchFolder } from '../../../src/projections/snapshot/scratch-folder.js';
import { PastStates } from '../../../src/projects/past/past-states.js';
import type { BackgroundTasks } from '../../../src/projects/background-tasks.js';
import { type PastEntry, type PastState } from '../../../src/store/past-state.js';
import { AMPLE_SPACE } from '../../disk/ample-space.js';
import { suite } from '../../suite.js';
import { type CompactedOptions, type CompactedProject, DATA, longValue, openCompacted, SMALL_SEGMENTS } from '../compacted-project.js';
import { collectingLogger, CONTEXT, type LoggedLine } from '../lives-fixture.js';

const test = suite('projects/past/past-on-disk');

const CALM = new AbortController().signal;
const PAST = `${DATA}/_past`;

/** Builds that wait until they are let go. */
class BuildGate {
  #waiting: Promise<void> = Promise.resolve();
  open = (): void => undefined;
  /** Called when a build begins. */
  onBegin = (): void => undefined;

  shut(): Promise<void> {
    this.#waiting = new Promise((resolve) => (this.open = resolve));
    return new Promise((resolve) => (this.onBegin = resolve));
  }

  over(tasks: BackgroundTasks): Pick<BackgroundTasks, 'buildPast'> {
    return {
      buildPast: async (job, signal) => {
        this.onBegin();
        await this.#waiting;
        return await tasks.buildPast(job, signal);
      },
    };
  }
}

interface Opened extends CompactedProject {
  readonly past: PastStates;
  readonly gate: BuildGate;
  readonly logged: LoggedLine[];
  at(seq: number): Promise<PastState>;
  folders(): readonly string[];
}

async function open(options: CompactedOptions = {}): Promise<Opened> {
  const project = await openCompacted(options);
  const { disk, tasks, clock, compaction, store } = project;
  const gate = new BuildGate();
  const logged: LoggedLine[] = [];
  const past = new PastStates({
    tasks: gate.over(tasks), scratch: new ScratchFolder(disk, DATA), dataFolder: DATA, space: AMPLE_SPACE, clock,
    logger: collectingLogger(logged), bytesMax: 10_000_000, leaseFiles: () => compaction.lease(),
  });
  const at = async (seq: number): Promise<PastState> => (await past.lease(store, seq, CALM)).state;
  const folders = (): readonly string[] => (disk.tree.find(PAST) === undefined ? [] : [...disk.tree.folder(PAST).names.keys()]);
  return { ...project, past, gate, logged, at, folders };
}

async function namesOf(state: PastState): Promise<string[]> {
  return (await state.slice({}, 1000)).entries.map(({ key }) => key);
}

async function valuesOf(state: PastState): Promise<readonly string[]> {
  const { entries } = await state.slice({}, 1000);
  return await state.load(entries);
}

function keysTo(number: number): string[] {
  return Array.from({ length: number }, (_, index) => `k${index + 1}`).sort();
}

test('compaction and retention leave what a build reads, and take it with the next run', async () => {
  const project = await open({ storage: { ...SMALL_SEGMENTS, retention: { max_bytes: 0, compress: 'gzip' } } });
  const { disk, gate, at } = project;
  await project.fill(1, 9);
  await project.compact();
  const begun = gate.shut();
  const early = at(7);
  await begun;
  for (const from of [10, 19, 28]) {
    await project.fill(from, from + 8);
    await project.compact();
  }
  assert.ok(disk.tree.find(`${DATA}/p1/${'1'.padStart(20, '0')}.jsonl.gz`) !== undefined, 'the segment is kept');
  gate.open();
  const state = await early;
  assert.deepEqual([state.seq, state.count, await namesOf(state)], [7, 6, keysTo(6)]);
  assert.deepEqual([...(await valuesOf(state))].sort(), keysTo(6).map((key) => longValue(Number(key.slice(1)))).sort());
  await project.fill(37, 37);
  await project.compact();
  assert.ok(disk.tree.find(`${DATA}/p1/${'1'.padStart(20, '0')}.jsonl.gz`) === undefined, 'the segment is removed');
  // What was built stays readable, and what is gone now cannot be built any more.
  assert.equal((await at(7)).count, 6);
  await assert.rejects(at(8), { code: 'history_gone' });
  assert.equal((await at(project.store.seq)).count, 37);
  await project.past.close();
  await project.close();
});

test('a state is built on the newest snapshot at or before its moment; if that is damaged, on the one before', async () => {
  const project = await open();
  await project.fill(1, 5);
  await project.compact();
  await project.fill(6, 9);
  await project.compact();
  await project.fill(10, 12);
  const newest = project.disk.tree.file(`${DATA}/p1/snap-${'10'.padStart(20, '0')}.json`);
  newest.bytes.write('#', newest.bytes.length - 100);
  const state = await project.at(12);
  assert.deepEqual(await namesOf(state), keysTo(11));
  assert.deepEqual(await namesOf(await project.at(6)), keysTo(5));
  await project.past.close();
  await project.close();
});

test('a damaged line of a sealed or of the active segment refuses the states after it, and no state before it', async () => {
  for (const [number, file] of [[2, `p1/${'1'.padStart(20, '0')}.jsonl`], [8, 'p1.jsonl']] as const) {
    const project = await open();
    await project.fill(1, 8);
    const { bytes } = project.disk.tree.file(`${DATA}/${file}`);
    bytes.write('#', bytes.indexOf(`value ${number} `));
    await assert.rejects(project.at(9), { code: 'project_corrupt' });
    assert.deepEqual(project.folders(), []);
    assert.deepEqual(await namesOf(await project.at(number)), keysTo(number - 1));
    await project.past.close();
    await project.close();
  }
});

test('a full disk refuses the build, which leaves nothing, and writes go on', async () => {
  const project = await open();
  await project.fill(1, 5);
  for (const fault of [
    { method: 'append', path: /_past/, action: { kind: 'errno', code: 'ENOSPC' } },
    { method: 'append', path: /_past/, action: { kind: 'short', bytes: 10 } },
    { method: 'makeFolder', path: /_past/, action: { kind: 'errno', code: 'ENOSPC' } },
    { method: 'open', path: /_past/, nth: 2, action: { kind: 'errno', code: 'EDQUOT' } },
  ] as const) {
    const mend = project.disk.fail(fault);
    await assert.rejects(project.at(4), { code: 'disk_full' });
    mend();
    assert.deepEqual(project.folders(), []);
    await project.store.submit({ type: 'set', key: 'k1', value: '1' }, CONTEXT);
  }
  assert.deepEqual(await namesOf(await project.at(4)), keysTo(3));
  await project.past.close();
  await project.close();
});

test('a state whose files have changed is refused, dropped with a warning, and built again', async () => {
  for (const [part, read] of [
    ['index', (state: PastState): Promise<unknown> => state.get('k2')],
    ['json', async (state: PastState, entries: readonly PastEntry[]): Promise<unknown> => await state.load(entries)],
  ] as const) {
    const project = await open();
    await project.fill(1, 5);
    const state = await project.at(4);
    const { entries } = part === 'json' ? await state.slice({}, 10) : { entries: [] };
    const file = project.disk.tree.file(`${PAST}/1/snap-${'5'.padStart(20, '0')}.${part}`);
    file.bytes.write('#', 60);
    await assert.rejects(read(state, entries), { code: 'disk_failed' });
    assert.ok(project.logged.some(({ level, msg }) => level === 'warn' && msg.startsWith('a past state on disk is damaged')));
    const again = await project.at(4);
    assert.notEqual(again, state);
    assert.deepEqual(await namesOf(again), keysTo(3));
    await project.past.close();
    assert.deepEqual(project.folders(), []);
    await project.close();
  }
});

test('a startup clears what an earlier process left, and nothing else', async () => {
  const project = await open();
  const { disk } = project;
  await project.fill(1, 5);
  await project.at(3);
  await project.at(4);
  for (const name of ['1/notes.txt', 'mine.txt', '7x/a']) {
    await disk.makeFolder(`${PAST}/${name}`.replace(/\/[^/]*$/, ''));
    const file = await disk.open(`${PAST}/${name}`, 'create');
    await file.close();
  }
  assert.deepEqual([...(await new ScratchFolder(disk, DATA).clear())].sort(), ['_past/1/notes.txt', '_past/7x', '_past/mine.txt']);
  assert.deepEqual([...disk.tree.folder(PAST).names.keys()].sort(), ['1', '7x', 'mine.txt']);
  for (const name of ['1/notes.txt', 'mine.txt', '7x/a']) await disk.unlink(`${PAST}/${name}`);
  await disk.removeFolder(`${PAST}/7x`);
  assert.deepEqual(await new ScratchFolder(disk, DATA).clear(), []);
  assert.equal(disk.tree.find(PAST), undefined);
  assert.deepEqual(await new ScratchFolder(disk, DATA).clear(), []);
  await project.close();
});

test('a project that is about to change place is not built', async () => {
  const project = await open();
  await project.fill(1, 2);
  const past = new PastStates({
    tasks: project.tasks, scratch: new ScratchFolder(project.disk, DATA), dataFolder: DATA, space: AMPLE_SPACE, clock: project.clock,
    logger: silentLogger, bytesMax: 1000, leaseFiles: () => Promise.resolve(undefined),
  });
  await assert.rejects(past.lease(project.store, 2, CALM), { code: 'busy' });
  await project.close();
});

test.run();
