/**
 * Strangers can write a client from the OpenAPI document alone: types are made from it, a program of theirs compiles strictly, and runs.
 * What it needs is large, so it has a lock of its own: `npm test -- outsiders` installs it, as CI does.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, withWorkbench } from '../e2e/server-under-test.js';
import { packagesOf } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('outsiders');

const HOME = path.join(projectRoot(), 'test/outsiders');
const PACKAGES = path.join(projectRoot(), 'dist/outsiders/node_modules');
const COMPILER_OPTIONS = {
  strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false,
  module: 'nodenext', target: 'es2023', types: ['node'], typeRoots: [path.join(projectRoot(), 'node_modules/@types')],
};

/** Runs a command of a package of theirs; returns what it prints. */
async function run(script: string, ...args: readonly string[]): Promise<string> {
  const { code, output } = await runCommand(process.execPath, [script, ...args]);
  assert.equal(code, 0, output);
  return output;
}

test('a strict program with types made from docs/openapi.json compiles, and runs', () => withWorkbench(async (bench) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-outsiders-'));
  try {
    mkdirSync(path.join(folder, 'source'));
    symlinkSync(PACKAGES, path.join(folder, 'node_modules'));
    writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    copyFileSync(path.join(HOME, 'usage.mts'), path.join(folder, 'source/usage.mts'));
    const compilerOptions = { ...COMPILER_OPTIONS, rootDir: 'source', outDir: 'made' };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['source'] }));
    await run(
      path.join(PACKAGES, 'openapi-typescript/bin/cli.js'), path.join(projectRoot(), 'docs/openapi.json'),
      '--output', path.join(folder, 'source/api.ts'),
    );
    await run(path.join(PACKAGES, 'typescript/bin/tsc'), '-p', folder);
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const output = await run(path.join(folder, 'made/usage.mjs'), server.url, server.key('p'));
    assert.equal(output, 'done\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}), { needs: [packagesOf('outsiders')] });

test.run();
