/** What is said of projects in memory when their data begins and ends. */
import assert from 'node:assert/strict';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, type Life, setValue } from './lives-fixture.js';

const test = suite('memory-projects');

function linesAbout(life: Life, level: string): unknown[] {
  const lines = life.logged.filter((line) => line.level === level && /projects in memory/.test(line.msg));
  return lines.map(({ projects, keys }) => [projects, keys]);
}

test('startup lists the empty projects in memory, and shutdown counts the keys that end with it',
  () => inFolder(async (folder) => {
  const first = await beginLife(folder);
  assert.deepEqual(linesAbout(first, 'info'), [], 'there is none yet');
  for (const id of ['m1', 'm2']) await first.lives.create({ id, storage: { on_disk: false } }, CONTEXT);
  await setValue(first, 'm1', ['a', '1']);
  await setValue(first, 'm1', ['b', '2']);
  await setValue(first, 'first_project', ['k', '3']);
  await first.lives.close();
  assert.deepEqual(linesAbout(first, 'warn'), [[[{ id: 'm1', keys: 2 }], 2]]);

  const second = await beginLife(folder);
  assert.deepEqual(linesAbout(second, 'info'), [[['m1', 'm2'], undefined]]);
  assert.ok(second.logged.some(({ msg }) => msg === 'starting, 3 of 3 projects'));
  assert.deepEqual(second.lives.progress(), { started: 3, refused: 0, total: 3 });
  await second.lives.close();
  assert.deepEqual(linesAbout(second, 'warn'), []);
}));

test.run();
