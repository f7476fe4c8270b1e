/** What `npm start` and `npm test` do before anything else, in a small checkout of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from './suite.js';
import { projectRoot } from './tidy/source-tree.js';

const test = suite('setup');

/** A pid that no process has: it is beyond what the kernel gives out. */
const FREE_PID = 2 ** 22 + 1;

/** As the project's own in where things go, and quick, since nothing but the sources is checked. */
const SMALL_TSCONFIG = {
  compilerOptions: {
    strict: true, noEmitOnError: true, skipLibCheck: true, module: 'nodenext', target: 'es2023', lib: ['es5'], types: [],
    sourceMap: true, rootDir: '.', outDir: 'dist',
  },
  include: ['src/**/*.ts', 'test/**/*.ts'],
};

/** A web UI that shows nothing. */
const SMALL_UI: Readonly<Record<string, string>> = {
  'web/tsconfig.json': JSON.stringify({ extends: '../tsconfig.json', compilerOptions: { noEmit: true }, include: ['**/*.tsx'] }),
  'web/main.tsx': 'export const page = 1;\n',
  'web/page.html': '<link href="{styles}"><script src="{script}"></script>\n',
  'web/styles.css': '',
};

interface Checkout {
  write(file: string, text: string): void;
  remove(file: string): void;
  has(file: string): boolean;
  build(): Promise<{ exitCode: number; output: string }>;
}

/** The compiler comes from this project; nothing is installed. */
async function withCheckout(body: (checkout: Checkout) => Promise<void>): Promise<void> {
  const root = mkdtempSync(path.join(tmpdir(), 'simplekv-setup-'));
  const project = projectRoot();
  try {
    cpSync(path.join(project, 'scripts'), path.join(root, 'scripts'), { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(project, file), path.join(root, file));
    writeFileSync(path.join(root, 'tsconfig.json'), JSON.stringify(SMALL_TSCONFIG));
    symlinkSync(path.join(project, 'node_modules'), path.join(root, 'node_modules'));
    writeFileSync(path.join(root, 'build.mjs'), `
      import { ensureBuilt, runSteps } from './scripts/setup.mjs';
      runSteps(ensureBuilt);`);
    const write = (file: string, text: string): void => {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
    };
    write('src/cli/main.ts', 'export const main = 1;\n');
    for (const [file, text] of Object.entries(SMALL_UI)) write(file, text);
    await body({
      write,
      remove: (file) => rmSync(path.join(root, file)),
      has: (file) => existsSync(path.join(root, file)),
      build: () => build(root),
    });
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function build(root: string): Promise<{ exitCode: number; output: string }> {
  // Measuring the compiler would only take time. Empty, since Node passes its own value on where the variable is absent.
  const env = { ...process.env, NODE_V8_COVERAGE: '' };
  const child = spawn(process.execPath, ['build.mjs'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => { output += `stdout: ${piece}`; });
  child.stderr.on('data', (piece: Buffer) => { output += String(piece); });
  const [exitCode] = await once(child, 'close') as [number];
  return { exitCode, output };
}

/** A line for each step: what was done, and for how long. */
const BUILT = /^simplekv: building… \d+\.\d s\nsimplekv: checking the web UI… \d+\.\d s\nsimplekv: bundling… \d+\.\d s\n$/;

async function assertBuilds(checkout: Checkout): Promise<void> {
  const { exitCode, output } = await checkout.build();
  assert.equal(exitCode, 0);
  assert.match(output, BUILT);
}

test('a checkout is built once, and again when a source changes', async () => {
  await withCheckout(async (checkout) => {
    await assertBuilds(checkout);
    assert.ok(checkout.has('dist/src/cli/main.js') && checkout.has('dist/bin/simplekv.js'));
    assert.deepEqual(await checkout.build(), { exitCode: 0, output: '' });
    checkout.write('src/log/a.ts', 'export const a = 1;\n');
    await assertBuilds(checkout);
    assert.ok(checkout.has('dist/src/log/a.js'));
    checkout.write('web/styles.css', 'p { margin: 0; }\n');
    await assertBuilds(checkout);
    assert.ok(checkout.has('dist/bin/ui/index.html'));
  });
});

test('a fault in the web UI fails the build', async () => {
  await withCheckout(async (checkout) => {
    checkout.write('web/bad.tsx', 'export const bad: number = "x";\n');
    const { exitCode, output } = await checkout.build();
    assert.equal(exitCode, 1);
    assert.match(output, /web\/bad\.tsx\(1,14\): error TS2322/);
    assert.match(output, /\nsimplekv: The check of the web UI failed/);
    assert.ok(!checkout.has('dist/.stamp'));
  });
});

test('output whose source is gone is removed', async () => {
  await withCheckout(async (checkout) => {
    checkout.write('test/old.test.ts', 'export {};\n');
    await checkout.build();
    assert.ok(checkout.has('dist/test/old.test.js'));
    checkout.remove('test/old.test.ts');
    await checkout.build();
    assert.ok(!checkout.has('dist/test/old.test.js'));
    assert.ok(!checkout.has('dist/test/old.test.js.map'));
  });
});

test('a build that fails says why on standard error, and is tried again', async () => {
  await withCheckout(async (checkout) => {
    await checkout.build();
    checkout.write('src/bad.ts', 'export const bad: number = "x";\n');
    for (const attempt of [1, 2]) {
      const { exitCode, output } = await checkout.build();
      assert.equal(exitCode, 1, `attempt ${attempt}`);
      assert.match(output, /^simplekv: building… failed after \d+\.\d s\n/);
      assert.match(output, /src\/bad\.ts\(1,14\): error TS2322/);
      assert.match(output, /\nsimplekv: The build failed \(exit code \d\); mend what is named above, .* then run it again\n$/);
      assert.doesNotMatch(output, /stdout/);
    }
    assert.ok(!checkout.has('dist/.stamp'));
  });
});

test('of two builds at once one builds and the other waits for it', async () => {
  await withCheckout(async (checkout) => {
    const results = await Promise.all([checkout.build(), checkout.build()]);
    assert.deepEqual(results.map(({ exitCode }) => exitCode), [0, 0]);
    assert.match(results.map(({ output }) => output).join(''), BUILT);
    assert.ok(!checkout.has('dist/.setup-lock'));
  });
});

test('the lock of a build that was killed is taken over', async () => {
  await withCheckout(async (checkout) => {
    checkout.write('dist/.setup-lock', String(FREE_PID));
    assert.equal((await checkout.build()).exitCode, 0);
    assert.ok(checkout.has('dist/.stamp'));
  });
});

test.run();
