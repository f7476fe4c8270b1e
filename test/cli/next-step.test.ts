/** After a verdict a person is given the command that helps, and never one that does harm. */
import assert from 'node:assert/strict';
import { nextStep } from '../../src/cli/next-step.js';
import { isLogSound } from '../../src/offline/verify/findings.js';
import type { ProjectVerdict } from '../../src/offline/verify/verify-project.js';
import type { FindingKind } from '../../src/base/finding.js';
import { suite } from '../suite.js';

const test = suite('cli/next-step');
const SNAPSHOT = 'shop/snap-00000000000000000009.json';

function verdictOf(files: readonly string[], kind?: FindingKind, project = 'shop'): ProjectVerdict {
  const findings = files.map((file) => ({ file, line: 1, offset: 0, seq: 9, expected: 'a hash', found: 'another', kind }));
  const counts = { firstSeq: 1, lastSeq: 9, lineCount: 9, segmentCount: 1, bytes: 1, snapshots: [] };
  return { project, findings, notes: [], logId: undefined, ...counts };
}

test('a sound project needs nothing', () => {
  assert.equal(nextStep(verdictOf([]), {}), undefined);
});

test('a damaged log is repaired, in the folder that was named', () => {
  assert.match(nextStep(verdictOf(['shop.jsonl']), {}) ?? '', /then: simplekv repair shop \(changes nothing yet;/);
  const mixed = { ...verdictOf([]), findings: [...verdictOf([SNAPSHOT], 'snapshot').findings, ...verdictOf(['shop/head']).findings] };
  assert.match(nextStep(mixed, { data: 'my data' }) ?? '', /repair shop --data 'my data' \(/);
  const server = verdictOf(['_server.jsonl'], undefined, '_server');
  assert.match(nextStep(server, { config: 'c.json' }) ?? '', /repair _server --config c\.json \(/);
});

test('a folder without a registry may be a copy of single projects', () => {
  const next = nextStep(verdictOf(['_server.jsonl'], 'missing', '_server'), { data: 'copy' }) ?? '';
  assert.match(next, /^where this is a copy of single projects, verify each by its name\. Otherwise stop .*repair _server --data copy \(/);
});

test('damage in snapshots alone is no reason for a repair', () => {
  assert.equal(isLogSound(verdictOf([SNAPSHOT], 'snapshot').findings), true);
  assert.match(nextStep(verdictOf([SNAPSHOT], 'snapshot'), {}) ?? '', /the log is sound.*POST \/api\/v1\/projects\/shop\/compact/);
  const server = nextStep(verdictOf(['_server/snap-00000000000000001000.json'], 'snapshot', '_server'), {}) ?? '';
  assert.match(server, /a later snapshot takes its place/);
  assert.doesNotMatch(server, /repair|POST/);
});

test('a snapshot that does not go with its log is not taken for one that a start passes over', () => {
  assert.equal(isLogSound(verdictOf([SNAPSHOT]).findings), false);
  assert.match(nextStep(verdictOf([SNAPSHOT]), {}) ?? '', /repair shop \(/);
});

test('what a newer version wrote is never repaired', () => {
  const next = nextStep(verdictOf(['shop.jsonl'], 'newer_format'), {}) ?? '';
  assert.match(next, /run that version.*do not repair/);
  assert.doesNotMatch(next, /simplekv repair/);
});

test.run();
