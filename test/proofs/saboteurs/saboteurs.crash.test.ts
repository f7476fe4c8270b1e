/** The harness of the saboteurs, shown on a few. All of them are let loose by the proof `saboteurs`. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stopCoverage } from 'node:v8';
import type { TestProcessResult } from '../../test-process.js';
import { suite } from '../../suite.js';
import { assertNone, projectRoot } from '../../tidy/source-tree.js';
import { changeText, compileText } from './build-copy.js';
import { judgeRun, judgeSaboteurs } from './judge-saboteurs.js';
import type { Saboteur } from './saboteur.js';
import { SABOTEURS } from './saboteurs.js';

// Broken copies are not measured, and what they run is no part of this run.
stopCoverage();
delete process.env['NODE_V8_COVERAGE'];

const test = suite('saboteurs');

const SABOTEURS_MIN = 30;
const FIND_LENGTH_MAX = 60;
const TIMEOUT_MS = 180_000;

/** What a test file prints when two of its three tests failed. */
function output(reasons: readonly string[]): string {
  const failures = reasons.map((reason, index) => `   FAIL  a-suite  "fact ${index}"\n    ${reason}\n\n    at file\n\n`).join('\n');
  const counts = `\n  Total:     3\n  Passed:    ${3 - reasons.length}\n  Skipped:   0\n  Duration:  1ms\n`;
  return `${failures}${counts}\n#simplekv-tests registered=3 finished=3\n`;
}

function result(text: string, changed: Partial<TestProcessResult> = {}): TestProcessResult {
  return { exitCode: 1, signal: null, killedBecause: null, stdoutTail: text, output: text, durationMs: 1, ...changed };
}

/** A saboteur of the one fast test that it names. */
function planned(changed: Partial<Saboteur>): Saboteur {
  const change = { file: 'src/auth/authorize.ts', find: 'principal.project === project', replace: 'principal.project !== null' };
  return { name: 'a', changes: [change], tests: ['auth/authorize'], ...changed };
}

/** Why the changes of a saboteur cannot be made, undefined when they can. */
function placeFault({ name, changes }: Saboteur): string | undefined {
  const sources = new Map<string, string>();
  try {
    for (const change of changes) {
      const text = sources.get(change.file) ?? readFileSync(path.join(projectRoot(), change.file), 'utf8');
      sources.set(change.file, changeText(text, change));
    }
    for (const [file, text] of sources) compileText(text, file);
    return undefined;
  } catch (error) {
    return `${name}: ${(error as Error).message}`;
  }
}

test('every change has its one place in the source, and still compiles', () => {
  assertNone(SABOTEURS.map(placeFault).filter((fault) => fault !== undefined));
});

test('every saboteur has a name of its own and tests that exist', () => {
  assert.ok(SABOTEURS.length >= SABOTEURS_MIN, `${SABOTEURS.length} saboteurs`);
  const names = SABOTEURS.map(({ name }) => name);
  assertNone(names.filter((name, index) => names.indexOf(name) !== index || !/^[a-z]+(?:-[a-z]+)+$/.test(name)));
  const isThere = (file: string): boolean => existsSync(path.join(projectRoot(), 'test', `${file}.test.ts`));
  assertNone(SABOTEURS.filter(({ tests }) => tests.length === 0 || !tests.every(isThere)).map(({ name }) => name));
});

test('every place is a short fragment of one line', () => {
  const finds = SABOTEURS.flatMap(({ changes }) => changes.map(({ find }) => find));
  assertNone(finds.filter((find) => find.length > FIND_LENGTH_MAX || /\n|\/\/|\/\*/.test(find) || find !== find.trim()));
});

test('a change replaces a fragment or its statement, or goes in front of the statement', () => {
  const file = 'a.ts';
  assert.equal(changeText('a b $', { file, find: 'b', replace: '$&' }), 'a $& $');
  const text = 'function f() {\n  if (a) g(b);\n  h(c);\n}\n';
  assert.equal(changeText(text, { file, find: 'g(', statement: '' }), 'function f() {\n  if (a) ;\n  h(c);\n}\n');
  assert.equal(changeText(text, { file, find: 'if (a)', statement: 'i();' }), 'function f() {\n  i();\n  h(c);\n}\n');
  assert.equal(changeText(text, { file, find: 'h(c)', before: 'i();' }), 'function f() {\n  if (a) g(b);\n  i();\nh(c);\n}\n');
});

test('a fragment that is not found, or found twice, and a change that changes nothing are refused', () => {
  const change = { file: 'a.ts', find: 'b', replace: 'c' };
  assert.throws(() => changeText('a', change), /occurs 0 times/);
  assert.throws(() => changeText('b b', change), /occurs 2 times/);
  assert.throws(() => changeText('b', { ...change, replace: 'b' }), /changes nothing/);
  assert.throws(() => changeText('/* b */', { file: 'a.ts', find: 'b', statement: '' }), /in no statement/);
  assert.throws(() => compileText('const a = ;', 'a.ts'), /does not compile/);
});

test('a run counts only when a test failed for what it saw', () => {
  assert.equal(judgeRun(result(output([]), { exitCode: 0 })).kind, 'missed');
  assert.deepEqual(judgeRun(result(output(['TypeError: a is not a function', 'AssertionError: 1 is not 2']))), {
    kind: 'caught', by: 'a-suite: fact 1',
  });
  assert.equal(judgeRun(result(output(['ReferenceError: a is not defined', 'AssertionError: 1 is not 2']))).kind, 'spoiled');
  assert.equal(judgeRun(result(output(['TypeError: a is not a function']))).kind, 'spoiled');
  assert.equal(judgeRun(result(output(['Error: "fact" was not over after 10 ms']))).kind, 'spoiled');
  assert.equal(judgeRun(result('SyntaxError: Unexpected token')).kind, 'spoiled');
  assert.equal(judgeRun(result('', { exitCode: null, signal: 'SIGKILL', killedBecause: 'took longer than 1 ms' })).kind, 'spoiled');
});

test(
  'the harness catches what the tests catch, and says so of what they do not',
  async () => {
    const file = 'src/auth/authorize.ts';
    const quiet = { file, find: 'an action on a project names it', replace: 'an action on a project has its name' };
    const dead = { file, find: 'const { principal, action, project } = request;', replace: 'nowhere();' };
    const gone = { file, find: 'this is written nowhere', replace: '' };
    const judged = await judgeSaboteurs([
      planned({ name: 'a-caught' }), planned({ name: 'b-missed', changes: [quiet] }), planned({ name: 'c-dead', changes: [dead] }),
      planned({ name: 'd-without-a-place', changes: [gone] }),
      planned({ name: 'e-half-missed', tests: ['auth/authorize', 'auth/api-key'] }),
    ]);
    assert.deepEqual(judged.map(({ verdict }) => verdict.kind), ['caught', 'missed', 'spoiled', 'spoiled', 'missed']);
    // Two real ones, through a log in memory and through recovery.
    const fast = SABOTEURS.filter(({ name }) => name === 'accept-a-missing-segment' || name === 'ignore-short-write');
    const kinds = (await judgeSaboteurs(fast)).map(({ verdict }) => verdict.kind);
    assert.deepEqual(kinds, ['caught', 'caught']);
  },
  { timeoutMs: TIMEOUT_MS },
);

test.run();
