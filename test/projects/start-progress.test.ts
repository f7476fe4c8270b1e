import assert from 'node:assert/strict';
import { StartProgress } from '../../src/projects/start-progress.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { collectingLogger, type LoggedLine } from './lives-fixture.js';

const test = suite('start-progress');

test('a start says how far it is at most once a second, and at its end', () => {
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
