/** docs/compatibility.md and the changelog against the program. */
import assert from 'node:assert/strict';
import { readPackageVersion } from '../../src/base/package-version.js';
import { CONFIG_VERSION } from '../../src/config/config-document.js';
import { NEWEST_FORMAT } from '../../src/log/log-format.js';
import { suite } from '../suite.js';
import { readDocument, section, tableRows } from './documents.js';

const test = suite('compatibility-doc');
const document = readDocument('docs/compatibility.md');
const version = readPackageVersion();
const [minor = ''] = /^\d+\.\d+/.exec(version) ?? [];

test('the table of formats has this version, which reads all of them and writes the newest', () => {
  const rows = tableRows(section(document, 'Files'));
  const [program, reads = '', writes = ''] = rows.at(-1) ?? [];
  assert.equal(program, minor);
  for (let format = 1; format <= NEWEST_FORMAT; format += 1) assert.ok(reads.includes(`\`simplekv/${format}\``), reads);
  assert.ok(writes.includes(`\`simplekv/${NEWEST_FORMAT}\``), writes);
  for (const [, earlier = ''] of rows) for (const [name] of earlier.matchAll(/`[^`]+`/g)) assert.ok(reads.includes(name), name);
  assert.ok(document.includes(`\`config.json\` has version ${CONFIG_VERSION}`));
});

test('the operations of format 2 are those of the specification', () => {
  const [, table = ''] = readDocument('docs/log-format.md').split('| `op` of format 2 |');
  const operations = [...table.split('\n\n')[0]?.matchAll(/^\| `([a-z.]+)` \|/gm) ?? []].map(([, op]) => op ?? '');
  assert.ok(operations.length > 5);
  const [, listed = ''] = /These operations need format\s+2:([^;]*);/.exec(document) ?? [];
  assert.deepEqual([...listed.matchAll(/`([a-z.]+)`/g)].map(([, op]) => op), operations);
});

test('the changelog has a heading for this version', () => {
  const changelog = readDocument('CHANGELOG.md');
  const heading = version.endsWith('-dev') ? '## Unreleased' : `## ${version}`;
  assert.ok(changelog.split('\n').some((line) => line === heading || line.startsWith(`${heading} `)), heading);
});

test.run();
