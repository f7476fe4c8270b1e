/** How new API keys are shown. */
import assert from 'node:assert/strict';
import { createAnnouncer, formatFirstRun, formatGeneratedKey } from '../../src/cli/console-announcer.js';
import type { FirstRun } from '../../src/config/announcer.js';
import { suite } from '../suite.js';

const test = suite('console-announcer');

const FIRST: FirstRun = {
  configPath: '/somewhere/config.json',
  url: 'http://127.0.0.1:23849',
  project: 'first_project',
  globalKey: 'skv_global',
  projectKey: 'skv_project',
};

test('a first run shows both keys, each on its own line, and the path of the configuration', () => {
  const lines = formatFirstRun(FIRST).split('\n');
  assert.ok(lines.some((line) => /^ {2}global API key +skv_global$/.test(line)));
  assert.ok(lines.some((line) => /^ {2}API key of "first_project" +skv_project$/.test(line)));
  assert.ok(lines.some((line) => line.includes('/somewhere/config.json')));
});

test('a first run shows two lines to paste, with the API key of the project and never the global one', () => {
  const commands = formatFirstRun(FIRST).split('\n').filter((line) => /^ *curl /.test(line));
  assert.equal(commands.length, 2);
  for (const command of commands) {
    assert.match(command, /http:\/\/127\.0\.0\.1:23849\/api\/v1\/projects\/first_project\/keys\/greeting /);
    assert.match(command, /-H 'Authorization: Bearer skv_project'/);
    assert.ok(!command.includes('skv_global'));
  }
});

test('a key that was generated later is shown with its scope, on its own line', () => {
  const lines = formatGeneratedKey('the global API key', 'skv_new').split('\n');
  assert.ok(lines.some((line) => line.includes('the global API key was generated')));
  assert.ok(lines.includes('  skv_new'));
});

test('announcements end in a line feed and have no trailing blanks', () => {
  for (const text of [formatFirstRun(FIRST), formatGeneratedKey('the global API key', 'skv_new')]) {
    assert.ok(text.endsWith('\n'));
    assert.ok(!/ \n/.test(text));
  }
});

test('the announcer writes each announcement at once and names its scope', () => {
  const written: string[] = [];
  const announcer = createAnnouncer((text) => void written.push(text));
  announcer.firstRun(FIRST);
  announcer.generatedKey({ kind: 'global' }, 'skv_a');
  announcer.generatedKey({ kind: 'project', project: 'shop' }, 'skv_b');
  assert.equal(written.length, 3);
  assert.equal(written[0], formatFirstRun(FIRST));
  assert.match(written[1] ?? '', /the global API key was generated/);
  assert.match(written[2] ?? '', /the API key of the project "shop" was generated/);
});

test.run();
