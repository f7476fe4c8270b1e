/**
 * A server is killed in the middle of and after every change that it makes to the disk in one life, and started again:
 * what was acknowledged holds, what was under way happened or not, and the configuration and the logs say the same.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { suite } from '../suite.js';
import { inFolder } from '../config/config-folder.js';
import { type Kill, killingConfigDisk, killingDisk, type KillingDiskOptions, type KillMoment, KillSwitch } from './killing-disk.js';
import { beginLife, CONTEXT, type Life, scopeOfKey, setValue } from './lives-fixture.js';
import { AT_FIRST, differences, type Expectation, SCRIPT, SCRIPT_OF_ONE_ID, type Step } from './lives-script.js';

const test = suite('lives.crash');

/** Far more than a life has: a defect of counting shall not run for ever. */
const CHANGES_MAX = 1000;
const SWEEP_TIMEOUT_MS = 240_000;

/** What is known of a life when it has ended. */
interface Lived {
  readonly process: KillSwitch;
  /** What was acknowledged. */
  readonly acknowledged: Expectation;
  /** What holds if the step under way happened; undefined when none was. */
  readonly unheard: Expectation | undefined;
  readonly step: string;
  readonly globalKey: string | undefined;
}

/** What is lived, and on what. */
interface Plan extends KillingDiskOptions {
  readonly script: readonly Step[];
  readonly kill?: Kill;
}

/** Lives the script until it is over or the process is killed. */
async function live(folder: string, { script, kill, ...diskOptions }: Plan): Promise<Lived> {
  const process = new KillSwitch(kill);
  let step = 'start';
  let acknowledged = AT_FIRST;
  let unheard: Expectation | undefined;
  const shown = new Map<string, string>();
  try {
    const life = await beginLife(folder, {
      disk: killingDisk(process, diskOptions),
      configDisk: killingConfigDisk(process),
      announce: (scope, key) => void shown.set(scope, key),
    });
    for (const { name, run, unheard: unheardOf } of script) {
      step = name;
      unheard = unheardOf(acknowledged);
      acknowledged = await run(life, acknowledged);
      // A warning is enough for what the next start mends, but the process that wrote it is dead by then.
      if (process.isDead) break;
      unheard = undefined;
    }
    step = 'stop';
    await life.lives.close();
  } catch (error) {
    if (!process.isDead) throw error;
  }
  await process.bury();
  return { process, acknowledged, unheard, step, globalKey: shown.get('global') };
}

/** Every file below a folder with its content. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = path.join(folder, name);
    if ((await stat(file)).isFile()) files.set(name, await readFile(file, 'latin1'));
  }
  return files;
}

/** Starts on a disk that only counts what it syncs: nothing here is about a loss of power. */
async function beginAgain(folder: string): Promise<Life> {
  const process = new KillSwitch();
  return await beginLife(folder, { disk: killingDisk(process), configDisk: killingConfigDisk(process) });
}

/** Starts again on what a killed process left. */
async function checkNextStart(folder: string, lived: Lived): Promise<void> {
  const life = await beginAgain(folder);
  const holds = await whatHolds(life, lived);
  await checkFirstKeys(life, lived);
  await life.lives.close();
  const files = await filesOf(folder);
  assert.deepEqual([...files.keys()].filter((name) => name.includes('_trash/')), [], 'something is left in the trash');
  for (const erased of holds.erased) {
    // The server's own log names deleted logs for ever.
    const holder = [...files].find(([name, content]) => !name.startsWith('data/_server') && content.includes(erased));
    assert.equal(holder, undefined, `${holder?.[0] ?? ''} still holds what was deleted`);
  }
  const next = await beginAgain(folder);
  assert.deepEqual(await differences(next, holds), []);
  await checkThatNothingChanged(folder, files, next);
  await checkThatLifeGoesOn(folder, next, holds);
}

/** What was acknowledged, or that and the step under way. */
async function whatHolds(life: Life, { acknowledged, unheard, step }: Lived): Promise<Expectation> {
  const severe = life.logged.filter(({ level }) => level === 'error' || level === 'fatal');
  assert.deepEqual(severe, [], 'the next start complains');
  const without = await differences(life, acknowledged);
  if (without.length === 0) return acknowledged;
  const withIt = unheard === undefined ? ['nothing was under way'] : await differences(life, unheard);
  assert.deepEqual(withIt, [], `after "${step}" neither the state before (${without.join('; ')}) nor the one after holds`);
  return unheard ?? acknowledged;
}

async function checkFirstKeys(life: Life, { globalKey }: Lived): Promise<void> {
  // Shown by the first start or, where its file did not come to be, by this one.
  const key = life.shown.get('global') ?? globalKey ?? assert.fail('no start has shown the global key');
  assert.equal(await scopeOfKey(life, key), 'global');
}

/** Nothing was left to be brought together, so another start has written nothing but heads and shown nothing. */
async function checkThatNothingChanged(folder: string, before: Map<string, string>, life: Life): Promise<void> {
  assert.deepEqual([...life.shown], []);
  const after = await filesOf(folder);
  const changed = [...after].filter(([name, content]) => path.basename(name) !== 'head' && before.get(name) !== content);
  assert.deepEqual(changed.map(([name]) => name), [], 'another start changed files');
  assert.deepEqual([...after.keys()], [...before.keys()], 'another start made or removed files');
}

async function checkThatLifeGoesOn(folder: string, life: Life, holds: Expectation): Promise<void> {
  for (const id of Object.keys(holds.projects)) await setValue(life, id, ['after', '1']);
  if (holds.projects['a'] === undefined) await life.lives.create({ id: 'a' }, CONTEXT);
  await life.lives.regenerateKey('a', CONTEXT);
  await life.lives.delete('a', CONTEXT);
  await life.lives.close();
  const names = await readdir(path.join(folder, 'data'));
  assert.deepEqual(names.filter((name) => /^a\b/.test(name)), []);
}

/** Kills a life at every change that it makes, one life for each. */
async function killAtEveryChange(moment: KillMoment, plan: Plan): Promise<void> {
  const { count, tearable } = await measure(plan);
  // Erasing goes on beside other changes, so that numbers differ by a few from life to life; a life that outlives its kill is whole.
  const changes = moment === 'torn' ? tearable : Array.from({ length: count }, (_, index) => index + 1);
  assert.ok(changes.length > plan.script.length && changes.length < CHANGES_MAX);
  for (const change of changes) {
    await inFolder(async (folder) => {
      const lived = await live(folder, { ...plan, kill: { change, moment } });
      try {
        await checkNextStart(folder, lived);
      } catch (cause) {
        const where = `killed ${moment} change ${change} (${lived.process.lastChange}) during "${lived.step}"`;
        throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }
    });
  }
}

/** Lives a life that nobody ends. */
async function measure(plan: Plan): Promise<KillSwitch> {
  let measured = new KillSwitch();
  await inFolder(async (folder) => {
    measured = (await live(folder, plan)).process;
  });
  return measured;
}

test('a life that nobody kills ends with what its steps say', async () => {
  await inFolder(async (folder) => {
    const lived = await live(folder, { script: SCRIPT });
    assert.equal(lived.step, 'stop');
    assert.equal(lived.process.isDead, false);
    assert.ok(lived.process.count > SCRIPT.length);
    await checkNextStart(folder, lived);
  });
});

test('a server that is killed after any change to the disk has kept its word at the next start', async () => {
  await killAtEveryChange('after', { script: SCRIPT });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test('a server that is killed in the middle of any change to the disk has kept its word at the next start', async () => {
  await killAtEveryChange('torn', { script: SCRIPT });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test('a server that is killed while deleted projects wait to be erased has kept its word at the next start', async () => {
  await killAtEveryChange('after', { script: SCRIPT_OF_ONE_ID, erasesNothing: true });
}, { timeoutMs: SWEEP_TIMEOUT_MS });

test.run();
