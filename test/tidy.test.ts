/**
 * The style rules that a program can check. Each rule is applied to every file, and is shown to bite
 * on a sample that offends it.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { stopCoverage } from 'node:v8';
import ts from 'typescript-5';
import { suite } from './suite.js';
import {
  dependencyOffences, installedOffences, lockfileOffences, readJson, type Lockfile, type PackageManifest,
} from './tidy/package-rules.js';
import { doubledExports, unusedExports } from './tidy/export-rules.js';
import { compileProject, floatingPromises } from './tidy/promise-rules.js';
import { exportedDocs, functionSize, functionSizes, moduleComment, parameterCount } from './tidy/shape-rules.js';
import { assertNone, projectRoot, readProject, type SourceText } from './tidy/source-tree.js';
import { suitesRun, testFilesTest } from './tidy/suite-rules.js';
import { type ParsedSource, parseSource, type SyntaxRule } from './tidy/syntax.js';
import {
  compilerSilenced, contractProse, fileNames, fileSize, lineShape, machinePaths, sourceSizes, stiltedWords,
  unfinishedWords, type TextRule,
} from './tidy/text-rules.js';
import { bareNumbers, builtinPrefix, noAny, noNonNull, packageHomes, processOnlyInCli } from './tidy/word-rules.js';

// Reads source and runs none of it; measuring the compiler would only take time.
stopCoverage();

/** Compiling the whole project for its types takes seconds, and more on a busy machine. */
const COMPILE_TIMEOUT_MS = 180_000;

const test = suite('tidy');
const root = projectRoot();
const files = readProject(root);
const codes = files.filter((file) => /\.(?:tsx?|mjs)$/.test(file.path));
const parsed = codes.map(parseSource);
const lockfile = readJson<Lockfile>(path.join(root, 'package-lock.json'));

/** What a rule says of one sample, without the place. */
function bite(rule: TextRule, file: SourceText): string[] {
  return rule([file]).map((offence) => offence.replace(/^.*?: /, ''));
}

function biteSyntax(rule: SyntaxRule, name: string, text: string): string[] {
  return rule(parseSource({ path: name, text })).map((offence) => offence.replace(/^.*?: /, ''));
}

function repeat(line: string, count: number): string {
  return `${line}\n`.repeat(count);
}

test('there is a project to check', () => {
  assert.ok(codes.length > 0);
  assert.ok(files.some((file) => file.path === 'package.json'));
});

const textRules: [string, TextRule, SourceText[]][] = [
  ['file names say what is inside', fileNames, [
    { path: 'src/base/utils.ts', text: '' }, { path: 'src/log/log-helpers.ts', text: '' }, { path: 'src/http/index.ts', text: '' },
    { path: 'src/log/fileLog.ts', text: '' }, { path: 'test/common.test.ts', text: '' },
  ]],
  ['lines of code are short and clean', lineShape, [
    { path: 'src/a.ts', text: `${'x'.repeat(141)}\n` }, { path: 'src/a.ts', text: '\ta\n' }, { path: 'src/a.ts', text: 'a \n' },
    { path: 'src/a.ts', text: 'a' }, { path: 'src/a.ts', text: 'a\n\n' }, { path: 'src/a.ts', text: 'a\r\n' },
  ]],
  ['files are of one job\'s size', fileSize, [
    { path: 'src/a.ts', text: repeat('x', 401) }, { path: 'test/a.test.ts', text: repeat('x', 501) },
  ]],
  ['source files are small as a whole', sourceSizes, [{ path: 'src/a.ts', text: repeat('x', 151) }]],
  ['nothing is left for later in a comment', unfinishedWords, [
    { path: 'src/a.ts', text: '// TO' + 'DO: later' }, { path: 'README.md', text: 'FIX' + 'ME' },
  ]],
  ['no path of the machine is named', machinePaths, [
    { path: 'README.md', text: 'see /wo' + 'rk/main' }, { path: 'src/a.ts', text: `'/ho` + `me/me/x'` },
  ]],
  ['documents and source are in plain technical English', stiltedWords, [
    { path: 'README.md', text: 'Some' + 'body reads it' }, { path: 'docs/a.md', text: 'the client is ' + 'told so' },
    { path: 'src/a.ts', text: '/** Released once no' + 'body reads it. */' },
  ]],
  ['no check of the compiler is switched off', compilerSilenced, [
    { path: 'test/a.test.ts', text: '// @ts-ig' + 'nore' }, { path: 'src/a.ts', text: '// @ts-' + 'expect-error' },
  ]],
  ['contracts are at least half prose', contractProse, [{ path: 'src/log/log.ts', text: '/** one */\na;\nb;\n' }]],
];
for (const [fact, rule, samples] of textRules) {
  test(fact, () => assertNone(rule(files)));
  test(`${fact}: the rule bites`, () => {
    for (const sample of samples) assert.notDeepEqual(bite(rule, sample), [], JSON.stringify(sample).slice(0, 200));
  });
}

const syntaxRules: [string, SyntaxRule, [string, string][]][] = [
  ['functions can be read at once', functionSize, [['src/a.ts', `function f() {\n${repeat('x();', 69)}}`]]],
  ['functions take at most four parameters', parameterCount, [
    ['src/a.ts', 'function f(a, b, c, d, e) {}'], ['src/a.ts', 'class A { m(a, b, c, d, e) {} }'],
    ['src/a.ts', 'class A { constructor(a, b, c, d, e) {} }'], ['src/a.ts', 'interface A { m(a: 1, b: 1, c: 1, d: 1, e: 1): void }'],
  ]],
  ['source files begin by saying what they own', moduleComment, [
    ['src/a.ts', 'import "x";'], ['src/a.ts', '/** Short. */\nimport "x";'],
    ['src/a.ts', '/** Says what f does to the log. */\nexport function f() {}'],
  ]],
  ['exports say what they are', exportedDocs, [
    ['src/a.ts', '/** The module of a. */\nexport const a = 1;'], ['src/a.ts', 'import "x";\nexport interface A {}'],
    ['src/a.ts', 'import "x";\n/** */\nexport class A {}'],
    ['src/a.ts', 'import "x";\n/** Does it.\n * @param a The a\n * @param b The b */\nexport function f(a: string) {}'],
    ['src/a.ts', 'import "x";\n/** Does it. */\nexport function f() { throw new Error(); }'], ['src/a.ts', 'const a = 1;\nexport { a };'],
  ]],
  ['the type any is not used', noAny, [['src/a.ts', 'const a: any = 1;'], ['test/a.test.ts', 'f(x as any);']]],
  ['nothing is asserted not to be null', noNonNull, [['src/a.ts', 'a!.b();']]],
  ['the process belongs to the command line', processOnlyInCli, [
    ['src/log/a.ts', 'process.exit(1);'], ['src/log/a.ts', 'const { env } = process;'], ['src/log/a.ts', 'f({ process });'],
    ['src/log/a.ts', 'globalThis.process.exit();'], ['src/log/a.ts', `import { env } from 'node:process';`],
    ['src/log/a.ts', 'console.log(1);'],
  ]],
  ['packages stay in their room', packageHomes, [
    ['src/store/a.ts', `import Koa from 'koa';`], ['src/auth/a.ts', `import type { Context } from 'koa';`],
    ['src/http/a.ts', `import { Ajv } from 'ajv';`], ['src/log/a.ts', `import Router from '@koa/router';`],
    ['src/store/a.ts', `import { pino } from 'pino';`], ['test/a.test.ts', `import { suite } from 'uvu';`],
    ['src/log/a.ts', `let a: import('koa').Context;`], ['src/log/a.ts', `await import('koa-bodyparser');`],
  ]],
  ['built-in modules carry their prefix', builtinPrefix, [['src/a.ts', `import fs from 'fs';`]]],
  ['numbers have a name and a unit', bareNumbers, [
    ['src/log/a.ts', 'f(10);'], ['src/log/a.ts', 'function f(limit = 50) {}'], ['src/log/a.ts', 'const f = () => wait(100);'],
    ['src/log/a.ts', 'let sizeBytes = 4096;'], ['src/log/a.ts', 'function f() { const limit = 99; }'],
    ['src/log/a.ts', 'if (a > 1_000n) f();'], ['src/log/a.ts', 'listen(8080);'], ['src/log/a.ts', 'respond(404);'],
    ['src/http/a.ts', 'respond(4096);'],
  ]],
  ['suites that are opened are run', suitesRun, [
    ['test/a.test.ts', `const test = suite('a'); test('b', f);`], ['test/a.test.ts', `suite('a').run();`],
    ['test/a.test.ts', `const test = suite('a'); test.run(); test.run();`],
  ]],
  ['test files open a suite', testFilesTest, [['test/a.test.ts', `import assert from 'node:assert';`]]],
];
for (const [fact, rule, samples] of syntaxRules) {
  test(fact, () => assertNone(parsed.flatMap(rule)));
  test(`${fact}: the rule bites`, () => {
    for (const [name, text] of samples) assert.notDeepEqual(biteSyntax(rule, name, text), [], text);
  });
}

test('functions are short as a whole', () => {
  assertNone(functionSizes(parsed));
  const long = parseSource({ path: 'src/a.ts', text: `function f() {\n${repeat('x();', 40)}}` });
  assert.equal(functionSizes([long]).length, 1);
});

test('what is documented and named passes', () => {
  const text = `/** Owns the sample of this test. */
import { a } from './a.js';

/** Milliseconds that a sample waits. */
export const WAIT_MS = 5_000;

const STATUS = { fine: 200 } as const;

/**
 * Reads a number.
 *
 * @param text Decimal digits
 * @returns The number
 * @throws {RangeError} When there are none
 */
export function read(text: string): number {
  if (text === '') throw new RangeError('Cannot read a number: the text is empty');
  return Number.parseInt(text, 10) & 0xff;
}
`;
  for (const [fact, rule] of syntaxRules) assert.deepEqual(biteSyntax(rule, 'src/log/sample.ts', text), [], fact);
  for (const [fact, rule] of textRules) assert.deepEqual(bite(rule, { path: 'src/log/sample.ts', text }), [], fact);
  assert.deepEqual(biteSyntax(bareNumbers, 'src/http/sample.ts', 'respond(404);'), []);
  assert.deepEqual(biteSyntax(processOnlyInCli, 'src/cli/main.ts', 'process.exit(1);'), []);
  assert.deepEqual(biteSyntax(processOnlyInCli, 'src/log/a.ts', 'job.process(); const a = { process: 1 };'), []);
});

test('what a source file exports is used by another file, and no two export one name', () => {
  assertNone([...unusedExports(parsed), ...doubledExports(parsed)]);
  const sample = (one: string, other: string): ParsedSource[] => (
    [['src/a.ts', one], ['src/b.ts', other]].map(([name = '', text = '']) => parseSource({ path: name, text }))
  );
  const unused = ['export const a = 1;', 'export class A {}', 'export function f() {}', 'export type T = 1;', 'export interface I {}'];
  for (const text of unused) assert.equal(unusedExports(sample(text, 'const b = 1;')).length, 1, text);
  assert.deepEqual(unusedExports(sample('export const a = 1; const c = 2;', `import { a } from './a.js';`)), []);
  assert.equal(doubledExports(sample('export const a = 1;', 'export type a = 1;')).length, 1);
  assert.deepEqual(doubledExports(sample('export const a = 1;', 'export const b = 1; const a = 2;')), []);
});

test('promises are awaited, returned or left alone on purpose', () => {
  const isOurs = (name: string): boolean => name.startsWith(`${root}/`) && !name.includes('/node_modules/');
  for (const folder of [root, path.join(root, 'web')]) assertNone(floatingPromises(compileProject(folder), isOurs));
}, { timeoutMs: COMPILE_TIMEOUT_MS });

test('promises are awaited, returned or left alone on purpose: the rule bites', () => {
  const head = 'declare function f(): Promise<void>; declare function maybe(): Promise<void> | undefined;\n'
    + 'declare function take(g: () => void): void; let kept: Promise<void>; let once: Promise<void> | undefined;\n';
  const offends = ['f();', 'f().then(() => 1);', 'true && f();', 'take(async () => {});', 'maybe();', 'f().catch();'];
  const passes = [
    'void f();', 'await f();', 'kept = f();', 'once ??= f();', 'take(() => void f());', 'f().catch(() => 1);',
    'f().then(() => 1, () => 2);',
  ];
  const found = floatingIn(head + [...passes, ...offends].join('\n')).map((offence) => Number(/:(\d+): /.exec(offence)?.[1]));
  // Two lines of head come first.
  assert.deepEqual(found, offends.map((_, index) => 2 + passes.length + index + 1));
}, { timeoutMs: COMPILE_TIMEOUT_MS });

test('package-lock.json names no host, runs nothing at install, and excludes no supported Node', () => {
  assertNone(lockfileOffences(lockfile));
  assert.equal(lockfileOffences({ packages: { a: { resolved: 'https://registry.example/a.tgz' } } }).length, 1);
  assert.equal(lockfileOffences({ packages: { a: { hasInstallScript: true } } }).length, 1);
  for (const node of ['>=22', '^20.20.0 || >=22', '<24']) {
    assert.equal(lockfileOffences({ packages: { a: { engines: { node } } } }).length, 1, node);
  }
});

test('what a running server needs is small and has nothing to compile', () => {
  assertNone(installedOffences(root, lockfile));
  // The compiler is no run-time package; listed twice as one, it is large enough to show that sizes are summed.
  const heavy: Lockfile = { packages: { 'node_modules/typescript-5': {}, 'node_modules/typescript-5/': {} } };
  assert.equal(installedOffences(root, heavy).length, 1);
});

test('run-time packages are listed and used', () => {
  const sources = codes.filter((file) => file.path.startsWith('src/'));
  const manifest = readJson<PackageManifest>(path.join(root, 'package.json'));
  assertNone(dependencyOffences(manifest, sources));
  assert.equal(dependencyOffences({ dependencies: { koa: '1' } }, []).length, 1);
  assert.equal(dependencyOffences({}, [{ path: 'src/a.ts', text: `import { suite } from 'uvu';\n` }]).length, 1);
});

/** Compiles one sample in memory. */
function floatingIn(text: string): string[] {
  const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, strict: true, types: [] };
  const host = ts.createCompilerHost(options);
  const sample = path.join(root, 'sample.mts');
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === sample || fileExists.call(host, name);
  host.getSourceFile = (name, version) => (
    name === sample ? ts.createSourceFile(name, text, version) : getSourceFile.call(host, name, version)
  );
  return floatingPromises(ts.createProgram([sample], options, host), (name) => name === sample);
}

test.run();
