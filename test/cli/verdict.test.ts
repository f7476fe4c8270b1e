/** The verdict on a project, and the advice for it, which never does harm. */
import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FindingKind } from '../../src/base/finding.js';
import { newerFormatReason, nextStep, verdictKindOf, type VerdictKind } from '../../src/cli/verdict.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { isLogSound } from '../../src/offline/verify/findings.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import type { ProjectVerdict } from '../../src/offline/verify/verify-project.js';
import { inFolder } from '../config/config-folder.js';
import { beginLife, setValue } from '../projects/lives-fixture.js';
import { suite } from '../suite.js';

const test = suite('cli/verdict');
const SNAPSHOT = 'shop/snap-00000000000000000009.json';

const P = 'first_project';

interface Row {
  /** The advice that is printed. */
  readonly next: RegExp;
  harm(log: string): Promise<void>;
}

function verdictOf(files: readonly string[], kind?: FindingKind, project = 'shop'): ProjectVerdict {
  const findings = files.map((file) => ({ file, line: 1, offset: 0, seq: 9, expected: 'a hash', found: 'another', kind }));
  const counts = { firstSeq: 1, lastSeq: 9, lineCount: 9, segmentCount: 1, bytes: 1, snapshots: [] };
  return { project, findings, notes: [], logId: undefined, ...counts };
}

test('a sound project needs no advice', () => {
  assert.equal(nextStep(verdictOf([]), {}), undefined);
});

test('the advice for a damaged log is a repair, in the named folder', () => {
  assert.match(nextStep(verdictOf(['shop.jsonl']), {}) ?? '', /then: simplekv repair shop \(changes nothing yet;/);
  const mixed = { ...verdictOf([]), findings: [...verdictOf([SNAPSHOT], 'snapshot').findings, ...verdictOf(['shop/head']).findings] };
  assert.match(nextStep(mixed, { data: 'my data' }) ?? '', /repair shop --data 'my data' \(/);
  const server = verdictOf(['_server.jsonl'], undefined, '_server');
  assert.match(nextStep(server, { config: 'c.json' }) ?? '', /repair _server --config c\.json \(/);
});

test('a folder without a registry may hold copies of individual projects', () => {
  const next = nextStep(verdictOf(['_server.jsonl'], 'missing', '_server'), { data: 'copy' }) ?? '';
  assert.match(next, /^if this folder holds copies of individual projects only, verify each by name; otherwise stop the server/);
  assert.match(next, /repair _server --data copy \(/);
});

test('damage of snapshots alone does not need a repair', () => {
  assert.equal(isLogSound(verdictOf([SNAPSHOT], 'snapshot').findings), true);
  assert.match(nextStep(verdictOf([SNAPSHOT], 'snapshot'), {}) ?? '', /the log is sound.*POST \/api\/v1\/projects\/shop\/compact/);
  const server = nextStep(verdictOf(['_server/snap-00000000000000001000.json'], 'snapshot', '_server'), {}) ?? '';
  assert.match(server, /a later snapshot replaces it/);
  assert.doesNotMatch(server, /repair|POST/);
});

test('a snapshot that contradicts its log needs a repair', () => {
  assert.equal(isLogSound(verdictOf([SNAPSHOT]).findings), false);
  assert.match(nextStep(verdictOf([SNAPSHOT]), {}) ?? '', /repair shop \(/);
});

test('files that a checkpoint contradicts are evidence, and are never repaired', () => {
  assert.equal(verdictKindOf(verdictOf(['shop.jsonl'], 'altered')), 'altered');
  const next = nextStep(verdictOf(['shop.jsonl'], 'altered'), {}) ?? '';
  assert.match(next, /^keep a copy .* as evidence\. .* no fault: simplekv verify --data BACKUP --checkpoint FILE$/);
  assert.doesNotMatch(next, /simplekv repair/);
});

test('data of a newer version is never repaired', () => {
  const next = nextStep(verdictOf(['shop.jsonl'], 'newer_format'), {}) ?? '';
  assert.match(next, /run that version.*do not repair/);
  assert.doesNotMatch(next, /simplekv repair/);
});

async function edit(log: string, change: (text: string) => string): Promise<void> {
  await writeFile(log, change(await readFile(log, 'latin1')), 'latin1');
}

const ROWS: Readonly<Record<Exclude<VerdictKind, 'sound' | 'altered'>, Row>> = {
  newer: { next: /run that version.*do not repair/, harm: (log) => edit(log, (text) => text.replace('"simplekv/1"', '"simplekv/9"')) },
  missing: {
    next: /^mount the volume, or restore the files from a backup/,
    harm: async (log) => {
      for (const place of [log, log.replace('.jsonl', '')]) await rename(place, `${place}.away`);
    },
  },
  outdated: {
    next: /^restore the newer files.*simplekv repair first_project/,
    harm: (log) => edit(log, (text) => text.slice(0, text.indexOf('{"seq":3,'))),
  },
  damaged: {
    next: /^stop the server, then: simplekv repair first_project/,
    harm: (log) => edit(log, (text) => text.replace('"first"', '"fXrst"')),
  },
};

async function verdictIn(folder: string): Promise<ProjectVerdict> {
  const options = { disk: new NodeDisk(), dataFolder: path.join(folder, 'data'), scratchFolder: folder };
  for await (const verdict of verifyFolder(options, P)) return verdict;
  return assert.fail('there is no verdict');
}

for (const [kind, { next, harm }] of Object.entries(ROWS)) {
  test(`a project is called ${kind}, and what to do is said accordingly`, () => inFolder(async (folder) => {
    const life = await beginLife(folder);
    await setValue(life, P, ['a', '"first"']);
    await setValue(life, P, ['b', '"second"']);
    await life.lives.close();
    assert.equal(verdictKindOf(await verdictIn(folder)), 'sound');
    await harm(path.join(folder, 'data', `${P}.jsonl`));
    const verdict = await verdictIn(folder);
    assert.equal(verdictKindOf(verdict), kind, JSON.stringify(verdict.findings));
    assert.match(nextStep(verdict, {}) ?? '', next);
  }));
}

test('findings of several kinds are damage, and a newer format among them prevents a repair', () => {
  const newer = { file: 'p.jsonl', line: 1, offset: 0, expected: 'x', found: 'y', kind: 'newer_format' } as const;
  const findings = [newer, { ...newer, kind: undefined }];
  assert.equal(verdictKindOf({ findings }), 'damaged');
  assert.notEqual(newerFormatReason(findings), undefined);
  assert.equal(verdictKindOf({ findings: [] }), 'sound');
});

test('a newer format is reported as undamaged only if nothing else was found', () => {
  const { findings: newer } = verdictOf(['shop.jsonl'], 'newer_format');
  assert.equal(newerFormatReason(newer), 'a newer version wrote it, and no damage was found');
  for (const kind of [undefined, 'missing', 'outdated', 'altered', 'snapshot'] as const) {
    const mixed = { ...verdictOf([]), findings: [...newer, ...verdictOf(['shop/head'], kind).findings] };
    assert.equal(newerFormatReason(mixed.findings), 'a newer version wrote part of it, and there are other faults', kind);
    assert.match(nextStep(mixed, {}) ?? '', /other faults: run that version, and do not repair it with this one$/, kind);
  }
  assert.equal(newerFormatReason(verdictOf(['shop.jsonl']).findings), undefined);
});

test.run();
