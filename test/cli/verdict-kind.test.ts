/** Damage, files that are not there, an older copy and a newer format have a word each. */
import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { nextStep } from '../../src/cli/next-step.js';
import { hasNewerFormat, verdictKindOf, type VerdictKind } from '../../src/cli/verdict-kind.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import type { ProjectVerdict } from '../../src/offline/verify/verify-project.js';
import { inFolder } from '../config/config-folder.js';
import { beginLife, setValue } from '../projects/lives-fixture.js';
import { suite } from '../suite.js';

const test = suite('cli/verdict-kind');
const P = 'first_project';

interface Row {
  /** The advice that is printed. */
  readonly next: RegExp;
  harm(log: string): Promise<void>;
}

async function edit(log: string, change: (text: string) => string): Promise<void> {
  await writeFile(log, change(await readFile(log, 'latin1')), 'latin1');
}

const ROWS: Readonly<Record<Exclude<VerdictKind, 'sound'>, Row>> = {
  newer: { next: /run that version.*do not repair/, harm: (log) => edit(log, (text) => text.replace('"simplekv/1"', '"simplekv/9"')) },
  missing: {
    next: /^mount the volume, or put the files back/,
    harm: async (log) => {
      for (const place of [log, log.replace('.jsonl', '')]) await rename(place, `${place}.away`);
    },
  },
  outdated: {
    next: /^put the newer files back.*simplekv repair first_project/,
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

test('faults of several kinds are damage, and a newer format among them keeps a repair away', () => {
  const newer = { file: 'p.jsonl', line: 1, offset: 0, expected: 'x', found: 'y', kind: 'newer_format' } as const;
  const findings = [newer, { ...newer, kind: undefined }];
  assert.equal(verdictKindOf({ findings }), 'damaged');
  assert.equal(hasNewerFormat(findings), true);
  assert.equal(verdictKindOf({ findings: [] }), 'sound');
});

test.run();
