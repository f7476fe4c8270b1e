import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { StartProgress } from '../../../src/projects/start/start-progress.js';
import { ManualClock } from '../../base/manual-clock.js';
import { suite } from '../../suite.js';
import { collectingLogger, type LoggedLine } from '../lives-fixture.js';

const test = suite('start-progress');

test('startup logs its progress at most once a second, and at its end', () => {
  const clock = new ManualClock();
  const lines: LoggedLine[] = [];
  const progress = new StartProgress(() => 6, { clock, logger: collectingLogger(lines) });
  for (const passedMs of [400, 400, 400, 10, 1000, 0]) {
    clock.advance(passedMs);
    progress.advance();
  }
  assert.deepEqual(lines.map(({ msg }) => msg), [3, 5, 6].map((count) => `starting, ${count} of 6 projects`));
  assert.deepEqual([lines[0]?.['projects_started'], lines[0]?.['projects_total']], [3, 6]);
  assert.deepEqual([progress.started, progress.total], [6, 6]);
});

test('refused projects are counted and reported as such', () => {
  const lines: LoggedLine[] = [];
  const progress = new StartProgress(() => 2, { clock: new ManualClock(), logger: collectingLogger(lines) });
  progress.advance();
  progress.refused += 1;
  progress.advance();
  assert.deepEqual(lines.map(({ msg }) => msg), ['starting, 2 of 2 projects, 1 refused']);
  assert.deepEqual([lines[0]?.['projects_started'], lines[0]?.['projects_refused'], progress.refused], [2, 1, 1]);
});

test('a long log is reported within a second, and then every ten seconds, with its progress', async () => {
  const clock = new ManualClock();
  const lines: LoggedLine[] = [];
  const progress = new StartProgress(() => 2, { clock, logger: collectingLogger(lines) });
  await progress.opening('big', async () => {
    for (let passedMs = 250; passedMs <= 22_000; passedMs += 250) {
      clock.advance(250);
      if (passedMs > 5000) progress.replayed(passedMs);
      progress.logIfDue();
    }
  });
  assert.deepEqual(lines.map(({ msg }) => msg), [
    'starting, 0 of 2 projects, opening "big"',
    'starting, 0 of 2 projects, opening "big" at seq 11000',
    'starting, 0 of 2 projects, opening "big" at seq 21000',
  ]);
  assert.deepEqual([lines[0]?.['opening'], lines[0]?.['replayed_seq'], lines[1]?.['replayed_seq']], ['big', undefined, 11_000]);
  lines.length = 0;
  progress.advance();
  await progress.opening('small', async () => {
    clock.advance(1000);
    progress.logIfDue();
  });
  assert.deepEqual(lines.map(({ msg }) => msg), ['starting, 1 of 2 projects', 'starting, 1 of 2 projects, opening "small"']);
});

test('a long startup is reported while it runs, and not afterwards', async () => {
  const clock = new ManualClock();
  const lines: LoggedLine[] = [];
  const progress = new StartProgress(() => 1, { clock, logger: collectingLogger(lines) });
  await progress.during(async () => {
    clock.advance(1000);
    while (lines.length === 0) await setTimeout(1);
  });
  clock.advance(60_000);
  await setTimeout(600);
  assert.equal(lines.length, 1);
});

test('projects that are adopted count from then on', () => {
  const lines: LoggedLine[] = [];
  const adopted: string[] = [];
  const progress = new StartProgress(() => 1 + adopted.length, { clock: new ManualClock(), logger: collectingLogger(lines) });
  adopted.push('shop');
  progress.advance();
  progress.advance();
  assert.deepEqual(lines.map(({ msg }) => msg), ['starting, 2 of 2 projects']);
});

test.run();
