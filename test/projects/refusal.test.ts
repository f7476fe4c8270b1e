/** Damage, files that are not there, an older copy and a newer format are four things, each with its state, code and remedy. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { silentLogger } from '../../src/base/logger.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import { makeProblem } from '../../src/http/problem.js';
import { FileHome } from '../../src/log/file/file-home.js';
import { logOptionsOf } from '../../src/store/project-store.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, type Life, prepareLife, refusalOf, setValue } from './lives-fixture.js';

const test = suite('refusal');
const P = 'first_project';

/** What has become of the project's files, done to a stopped server. */
interface Row {
  readonly state: string;
  readonly code: string;
  /** What the server log says besides. */
  readonly says: RegExp;
  /** What it says is to be done first. */
  readonly first: RegExp;
  harm(folder: string): Promise<void>;
}

const REPAIR = /"simplekv repair first_project --config \S*config\.json"/;

const NEWER_FILES = /^restore the newer files/;
const NEWER_VERSION = /^run the version that wrote it, or a newer one/;

const ROWS: Readonly<Record<string, Row>> = {
  'a changed byte': {
    state: 'corrupt', code: 'project_corrupt', says: REPAIR, first: /^stop the server and run .*: it changes nothing/,
    harm: (folder) => edit(folder, (text) => text.replace('"value":"first"', '"value":"fXrst"')),
  },
  'files that are not there': {
    state: 'missing', code: 'project_missing', says: /is the volume mounted/, first: /^mount the volume, or restore the files/,
    harm: async (folder) => {
      for (const name of [`${P}.jsonl`, P]) await rename(path.join(folder, 'data', name), path.join(folder, name));
    },
  },
  'an older copy of the log beside a newer head': {
    state: 'outdated', code: 'project_outdated', says: REPAIR, first: NEWER_FILES,
    harm: (folder) => edit(folder, (text) => text.slice(0, text.indexOf('{"seq":3,'))),
  },
  'an older copy than the entry reflects': {
    state: 'outdated', code: 'project_outdated', says: /the log is an older copy/, first: /^restore the newer files/,
    harm: async (folder) => {
      const file = path.join(folder, 'config.json');
      await writeFile(file, (await readFile(file, 'utf8')).replace(/"revision": \d+/, '"revision": 99'));
    },
  },
  'a header of a newer format': {
    state: 'newer_format', code: 'project_newer_format', says: /is unknown to this version/, first: NEWER_VERSION,
    harm: (folder) => edit(folder, (text) => text.replace('"format":"simplekv/1"', '"format":"simplekv/9"')),
  },
  'a line of an operation that only a newer version knows': {
    state: 'newer_format', code: 'project_newer_format', says: /teleport/, first: NEWER_VERSION,
    harm: async (folder) => {
      const home = new FileHome({ folder: path.join(folder, 'data'), disk: new NodeDisk(), logger: silentLogger });
      const log = await home.open(P, { ...logOptionsOf(BUILT_IN_STORAGE), replay: () => undefined });
      await log?.append([{ op: 'teleport', actor: 'config', request: 'r', body: '"to":"elsewhere"' }], log.position().seq);
      await log?.close();
    },
  },
};

async function edit(folder: string, change: (text: string) => string): Promise<void> {
  const file = path.join(folder, 'data', `${P}.jsonl`);
  const before = await readFile(file, 'latin1');
  const after = change(before);
  assert.notEqual(after, before);
  await writeFile(file, after, 'latin1');
}

async function livedIn(folder: string): Promise<void> {
  const { lives, ...life } = await beginLife(folder);
  await setValue({ lives, ...life }, P, ['a', '"first"']);
  await setValue({ lives, ...life }, P, ['b', '"second"']);
  await lives.close();
}

function toldOf(life: Life, project: string | undefined): string {
  return JSON.stringify(life.logged.filter((line) => line.level === 'error' && line.project === project));
}

for (const [what, row] of Object.entries(ROWS)) {
  const { state, code, says, harm } = row;
  test(`${what}: the project is ${state}, its requests get ${code}, and the server log says what to do first`,
    () => inFolder(async (folder) => {
    await livedIn(folder);
    await harm(folder);
    const life = await beginLife(folder);
    try {
      assert.equal(life.lives.details(P).state, state);
      assert.deepEqual(life.lives.readiness().degraded.map((one) => one.state), [state]);
      const told = toldOf(life, P);
      assert.match(told, new RegExp(says.source.replaceAll('"', '\\\\"')), told);
      const [first = ''] = String(life.logged.find((line) => line.project === P && line.level === 'error')?.['what_to_do']).split('. ');
      assert.match(first, row.first);
      assert.doesNotMatch(first, /delete|remove|accept-loss/i);
      const refusal = await refusalOf((async () => life.lives.store(P))());
      assert.equal(refusal.code, code);
      const problem = makeProblem(refusal, 'r1');
      assert.equal(problem.status, 503);
      assert.match(problem.body, /Ask the operator/);
      assert.ok(!problem.body.includes(folder) && !problem.body.includes('config.json'));
      assert.equal((await refusalOf(life.lives.regenerateKey(P, CONTEXT))).code, code);
    } finally {
      await life.lives.close();
    }
  }));
}

test('a project that is gone for good is deleted and created again, as is advised', () => inFolder(async (folder) => {
  await livedIn(folder);
  for (const name of [`${P}.jsonl`, P]) await rename(path.join(folder, 'data', name), path.join(folder, name));
  const life = await beginLife(folder);
  try {
    await life.lives.delete(P, CONTEXT);
    await life.lives.create({ id: P }, CONTEXT);
    assert.equal(life.lives.details(P).state, 'serving');
  } finally {
    await life.lives.close();
  }
}));

test('a project whose log is no file says that what the reason names is to be put right', () => inFolder(async (folder) => {
  await livedIn(folder);
  const file = path.join(folder, 'data', `${P}.jsonl`);
  await rename(file, path.join(folder, 'log'));
  await mkdir(file);
  const life = await beginLife(folder);
  try {
    assert.match(toldOf(life, P), /"what_to_do":"fix the reported cause/);
  } finally {
    await life.lives.close();
  }
}));

test('a project that cannot be adopted comes with what to do first, and with no other advice', () => inFolder(async (folder) => {
  await livedIn(folder);
  await edit(folder, (text) => text.replace('"value":"first"', '"value":"fXrst"'));
  const file = path.join(folder, 'config.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...document, projects: [] }));
  const life = await prepareLife(folder);
  await life.lives.start({ adoption: { ids: [P], announce: () => undefined } });
  try {
    assert.match(toldOf(life, P), /"what_to_do":"stop the server and run .*Then adopt again","msg":"a project cannot be adopted/);
    assert.equal(life.logged.filter(({ project }) => project === P).length, 1, JSON.stringify(life.logged));
  } finally {
    await life.lives.close();
  }
}));

test('a refused project is counted as one at a start', () => inFolder(async (folder) => {
  await livedIn(folder);
  await edit(folder, (text) => text.replace('"value":"first"', '"value":"fXrst"'));
  const life = await beginLife(folder);
  assert.deepEqual(life.lives.progress(), { started: 1, refused: 1, total: 1 });
  assert.ok(life.logged.some(({ msg }) => msg === 'starting, 1 of 1 project, 1 refused'));
  await life.lives.close();
}));

test('an adoption is not called an edit of the configuration', () => inFolder(async (folder) => {
  await livedIn(folder);
  const file = path.join(folder, 'config.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...document, projects: [] }));
  const life = await prepareLife(folder);
  await life.lives.start({ adoption: { ids: [P], announce: () => undefined } });
  await life.lives.close();
  const told = life.logged.filter(({ project }) => project === P).map(({ msg }) => msg);
  assert.ok(told.includes('the API key of an adopted project takes effect'), told.join('\n'));
  assert.ok(!told.some((msg) => msg.includes('edit')), told.join('\n'));
}));

test('a project that the configuration does not name comes with the command that adopts it', () => inFolder(async (folder) => {
  await livedIn(folder);
  const file = path.join(folder, 'config.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...document, projects: [] }));
  const life = await beginLife(folder);
  try {
    const line = life.logged.find(({ project }) => project === P);
    assert.match(line?.msg ?? '', /has no entry in the configuration; it is not served/);
    assert.ok(String(line?.['what_to_do']).includes(`"simplekv serve --config ${file} --adopt"`), JSON.stringify(line));
    await assert.rejects(life.lives.create({ id: P }, CONTEXT), { code: 'project_not_served', message: /start it with --adopt/ });
  } finally {
    await life.lives.close();
  }
}));

test('a registry that cannot be trusted is reported in its own words, with its own command', () => inFolder(async (folder) => {
  await livedIn(folder);
  const file = path.join(folder, 'data/_server.jsonl');
  await cp(file, path.join(folder, 'sound.jsonl'));
  for (const [from, to, says] of [
    ['"op":"project.created"', '"op":"project.crXated"', /the registry cannot be trusted.*simplekv repair _server --config/],
    ['"format":"simplekv/1"', '"format":"simplekv/9"', /written by a newer version.*run the version that wrote it/],
  ] as const) {
    const text = await readFile(path.join(folder, 'sound.jsonl'), 'utf8');
    await writeFile(file, text.replace(from, to));
    const life = await beginLife(folder);
    try {
      const lines = life.logged.filter(({ level, project }) => level === 'error' && project === undefined);
      assert.match(lines.map(({ msg, ...facts }) => `${msg} ${JSON.stringify(facts)}`).join('\n'), says);
      assert.equal(life.lives.details(P).state, 'serving');
    } finally {
      await life.lives.close();
    }
  }
}));

test.run();
