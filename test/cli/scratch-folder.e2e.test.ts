/** The folder for the temporary files of a command: private to its owner, and removed however the command ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { until, type Workbench, withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { ended, start, temporaryFolder, writeShop } from './program.js';

const test = suite('cli/scratch-folder');
const TIMEOUT = { timeoutMs: 120_000 };
/** More than a pipe holds. */
const LARGE = { count: 20, valueBytes: 20_000 };

/** Starts a replay whose reader never reads, and waits until its scratch folder holds the state. */
async function stalledReplay(bench: Workbench, folder: string, env: Record<string, string>): Promise<ReturnType<typeof start>> {
  const child = start(bench, ['replay', 'shop', '--data', 'data'], { env });
  await until('a state in the scratch folder', () => (
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.index')) ? true : undefined
  ));
  return child;
}

test('a scratch folder is private to its owner, and is removed if the reader leaves', () => withWorkbench(async (bench) => {
  writeShop(bench, LARGE.count, LARGE.valueBytes);
  const { folder, env } = temporaryFolder(bench);
  const closed = await stalledReplay(bench, folder, env);
  const [name = ''] = readdirSync(folder);
  assert.equal(statSync(`${folder}/${name}`).mode & 0o777, 0o700);
  closed.stdout?.destroy();
  assert.equal((await ended(closed)).code, EXIT_CODES.ok);
  assert.deepEqual(readdirSync(folder), []);
}), TIMEOUT);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`a command that ${signal} interrupts leaves nothing either, and ends by a signal, also when another follows at once`,
    () => withWorkbench(async (bench) => {
    writeShop(bench, LARGE.count, LARGE.valueBytes);
    const { folder, env } = temporaryFolder(bench);
    const child = await stalledReplay(bench, folder, env);
    const end = new Promise<readonly [number | null, string | null]>((resolve) => child.on('exit', (code, by) => resolve([code, by])));
    child.kill(signal);
    child.kill('SIGQUIT');
    const [code, endedBy] = await end;
    // Where both are pending, the system hands them over in an order of its own.
    assert.ok(code === null && (endedBy === signal || endedBy === 'SIGQUIT'), `${code} ${endedBy}`);
    assert.deepEqual(readdirSync(folder), []);
  }), TIMEOUT);
}

test('where no folder for temporary files can be made, a command says so in one line, and never that something is damaged',
  () => withWorkbench(async (bench) => {
  writeShop(bench);
  const { folder } = temporaryFolder(bench);
  const [absent, file] = [`${folder}/absent`, bench.path('data', 'shop.jsonl')];
  const commands = [['verify'], ['verify', '--json'], ['replay', 'shop'], ['repair', 'shop']];
  for (const [place, errno] of [[absent, 'ENOENT'], [file, 'ENOTDIR']] as const) {
    await Promise.all(commands.map(async (command) => {
      const { code, stdout, stderr } = await ended(start(bench, [...command, '--data', 'data'], { env: { TMPDIR: place } }));
      assert.deepEqual([code, stdout], [EXIT_CODES.outputFailed, ''], command.join(' '));
      const advice = 'set TMPDIR to a folder that exists';
      assert.equal(stderr, `simplekv: Cannot create a folder for temporary files in "${place}" (${errno}): ${advice}\n`);
    }));
  }
}), TIMEOUT);

test('a defect leaves no scratch folder', () => withWorkbench(async (bench) => {
  const { folder, env } = temporaryFolder(bench);
  const module = new URL('../../src/cli/scratch-folder.js', import.meta.url).href;
  const script = `import { withScratchFolder } from ${JSON.stringify(module)};
    import { writeFileSync } from 'node:fs';
    await withScratchFolder(async (folder) => {
      writeFileSync(folder + '/plain', 'values');
      setTimeout(() => { throw new Error('a defect'); }, 10);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, ...env }, stdio: 'pipe' });
  const { code, stderr } = await ended(child);
  assert.equal(code, 1);
  assert.match(stderr, /a defect/);
  assert.deepEqual(readdirSync(folder), []);
}), TIMEOUT);

test('a command removes the scratch folder of a killed command, but not of a running one', () => withWorkbench(async (bench) => {
  writeShop(bench, LARGE.count, LARGE.valueBytes);
  const { folder, env } = temporaryFolder(bench);
  const verify = async (): Promise<number | null> => (await ended(start(bench, ['verify', '--data', 'data'], { env }))).code;
  const running = await stalledReplay(bench, folder, env);
  const held = readdirSync(folder);
  assert.equal(held.length, 1);
  mkdirSync(`${folder}/simplekv-mine`);
  mkdirSync(`${folder}/${held[0]?.replace(/-\d+-\w{6}$/, `-${running.pid}-others`)}`, { mode: 0o755 });
  assert.equal(await verify(), EXIT_CODES.ok);
  assert.ok(existsSync(`${folder}/${held[0]}`), 'the running one keeps its folder');
  const end = new Promise((resolve) => running.on('exit', resolve));
  running.kill('SIGKILL');
  await end;
  assert.ok(existsSync(`${folder}/${held[0]}`), 'a killed one leaves it');
  assert.equal(await verify(), EXIT_CODES.ok);
  const left = readdirSync(folder).sort();
  assert.deepEqual(left.filter((name) => name === held[0]), []);
  assert.equal(left.length, 2, 'what is not known to be a scratch folder of its own stays');
}), TIMEOUT);

test.run();
