/** Reading files through in the background: what is reported, and what ends it. */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '../../src/base/finding.js';
import type { FilesOfProject, ScrubReport } from '../../src/projections/snapshot/file-work.js';
import type { BackgroundTasks } from '../../src/projects/background-tasks.js';
import { FoundDamage } from '../../src/projects/found-damage.js';
import { Scrubber } from '../../src/projects/scrubber.js';
import { suite } from '../suite.js';
import { collectingLogger, type LoggedLine } from './lives-fixture.js';

const test = suite('scrubber');

const FINDING: Finding = { file: 'a/snap.json', offset: 7, expected: 'this', found: 'that' };

function files(project: string): FilesOfProject {
  return { dataFolder: '/data', project, logId: `log of ${project}` };
}

/** Background tasks whose scrubs find what a test gives them. */
class FakeTasks implements BackgroundTasks {
  readonly scrubbed: string[] = [];
  /** What each reading of a project finds, one after another; the last for ever. */
  readonly findings = new Map<string, readonly (readonly Finding[] | Error)[]>();
  /** Called before a reading ends. */
  meanwhile: (project: string, signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

  async build(): Promise<never> {
    return await Promise.reject(new Error('a scrub builds nothing'));
  }

  async buildPast(): Promise<never> {
    return await this.build();
  }

  async scrub({ project }: FilesOfProject, signal?: AbortSignal): Promise<ScrubReport> {
    signal?.throwIfAborted();
    this.scrubbed.push(project);
    await this.meanwhile(project, signal);
    signal?.throwIfAborted();
    const readings = this.findings.get(project) ?? [[]];
    const count = this.scrubbed.filter((other) => other === project).length;
    const found = readings[Math.min(count, readings.length) - 1] ?? [];
    if (found instanceof Error) throw found;
    return { findings: found, bytes: 1 };
  }

  async check(): Promise<never> {
    return await Promise.reject(new Error('a scrub checks no single segment'));
  }

  async verify(): Promise<never> {
    return await Promise.reject(new Error('a scrub checks no single snapshot'));
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

interface Scrubbing {
  readonly tasks: FakeTasks;
  readonly scrubber: Scrubber;
  readonly damage: FoundDamage;
  readonly logged: LoggedLine[];
}

async function withScrubber(body: (scrubbing: Scrubbing) => Promise<void>): Promise<void> {
  const logged: LoggedLine[] = [];
  const tasks = new FakeTasks();
  const damage = new FoundDamage();
  const scrubber = new Scrubber({ tasks, damage, logger: collectingLogger(logged) });
  try {
    await body({ tasks, scrubber, damage, logged });
  } finally {
    await scrubber.close();
  }
}

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await nextTurn();
}

const errorsIn = (logged: readonly LoggedLine[]): LoggedLine[] => logged.filter(({ level }) => level === 'error');

test('each reading of a project is reported with its bytes, and what both readings found', async () => {
  const reported: (readonly number[])[] = [];
  const tasks = new FakeTasks();
  tasks.findings.set('b', [[FINDING, { ...FINDING, offset: 8 }], [FINDING]]);
  const observer = { compacted: () => undefined, scrubbed: (...counts: readonly number[]) => void reported.push(counts) };
  const scrubber = new Scrubber({ tasks, damage: new FoundDamage(), logger: collectingLogger([]), observer });
  scrubber.start(() => [files('a'), files('b')]);
  await settle();
  await scrubber.close();
  assert.deepEqual(reported, [[1, 0], [2, 1]]);
});

test('projects are read one after another, each once where nothing is found',
  () => withScrubber(async ({ tasks, scrubber, damage, logged }) => {
  scrubber.start(() => [files('a'), files('b')]);
  await settle();
  assert.deepEqual(tasks.scrubbed, ['a', 'b']);
  assert.equal(damage.projectCount, 0);
  assert.deepEqual(errorsIn(logged), []);
}));

test('a finding is confirmed by a second scrub before it is reported, with its file and place',
  () => withScrubber(async ({ tasks, scrubber, damage, logged }) => {
  tasks.findings.set('a', [[FINDING]]);
  scrubber.start(() => [files('a'), files('b')]);
  await settle();
  assert.deepEqual(tasks.scrubbed, ['a', 'a', 'b']);
  assert.equal(damage.projectCount, 1);
  const [line, ...more] = errorsIn(logged);
  assert.deepEqual([line?.project, line?.['file'], line?.['offset'], more.length], ['a', FINDING.file, FINDING.offset, 0]);
}));

test('what a compaction removed meanwhile is not there the second time, and not told',
  () => withScrubber(async ({ tasks, scrubber, damage, logged }) => {
  tasks.findings.set('a', [[FINDING], [{ ...FINDING, offset: 8 }]]);
  scrubber.start(() => [files('a')]);
  await settle();
  assert.deepEqual([damage.projectCount, errorsIn(logged)], [0, []]);
}));

test('files that cannot be read through are a warning, and the next project is read',
  () => withScrubber(async ({ tasks, scrubber, logged }) => {
  tasks.findings.set('a', [new Error('made to fail')]);
  scrubber.start(() => [files('a'), files('b')]);
  await settle();
  assert.deepEqual(tasks.scrubbed, ['a', 'b']);
  assert.deepEqual(logged.filter(({ level }) => level === 'warn').map(({ project }) => project), ['a']);
}));

test('a project that is released while it is read is read no further, and what was found of it is forgotten',
  () => withScrubber(async ({ tasks, scrubber, damage, logged }) => {
  tasks.findings.set('a', [[FINDING]]);
  const ended: string[] = [];
  tasks.meanwhile = async (project, signal) => {
    if (project !== 'a') return;
    await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    ended.push(project);
  };
  scrubber.start(() => [files('a'), files('b')]);
  await settle();
  await scrubber.release('a');
  assert.deepEqual(ended, ['a']);
  await settle();
  assert.deepEqual(tasks.scrubbed, ['a', 'b']);
  assert.equal(damage.projectCount, 0);
  assert.deepEqual(logged.filter(({ level }) => level !== 'debug'), []);
}));

test('a project that goes before its turn is not read: its files would look lost',
  () => withScrubber(async ({ tasks, scrubber, damage, logged }) => {
  let projects = [files('a'), files('b'), files('c')];
  tasks.findings.set('b', [[FINDING]]);
  tasks.meanwhile = async (project) => {
    if (project === 'a') projects = [files('a'), { ...files('c'), logId: 'another log of that name' }];
    await Promise.resolve();
  };
  scrubber.start(() => projects);
  await settle();
  assert.deepEqual(tasks.scrubbed, ['a']);
  assert.deepEqual([damage.projectCount, errorsIn(logged)], [0, []]);
}));

test('a released project is not counted any more', () => withScrubber(async ({ tasks, scrubber, damage }) => {
  tasks.findings.set('a', [[FINDING]]);
  scrubber.start(() => [files('a')]);
  await settle();
  assert.equal(damage.projectCount, 1);
  await scrubber.release('a');
  assert.equal(damage.projectCount, 0);
}));

test('all is read again after a while, for as long as it is not closed', async () => {
  const tasks = new FakeTasks();
  const scrubber = new Scrubber({ tasks, damage: new FoundDamage(), logger: collectingLogger([]), repeatMs: 5 });
  scrubber.start(() => [files('a')]);
  while (tasks.scrubbed.length < 3) await sleep(1);
  await scrubber.close();
  const { length } = tasks.scrubbed;
  await sleep(20);
  assert.equal(tasks.scrubbed.length, length);
});

test('close() ends what is read and begins nothing more', () => withScrubber(async ({ tasks, scrubber }) => {
  tasks.meanwhile = async (_project, signal) => {
    await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
  };
  scrubber.start(() => [files('a'), files('b')]);
  await settle();
  await scrubber.close();
  assert.deepEqual(tasks.scrubbed, ['a']);
}));

test.run();
