/** Kills the life of a server at every change that it makes to the disk, and judges what the next start finds. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { isErrno } from '../../src/base/app-error.js';
import { inFolder } from '../config/config-folder.js';
import { sampled } from '../test-form.js';
import { type Kill, killingConfigDisk, killingDisk, type KillingDiskOptions, type KillMoment, KillSwitch } from './killing-disk.js';
import { beginLife, CONTEXT, type Life, scopeOfKey, setValue } from './lives-fixture.js';
import { afterStop, AT_FIRST, differences, type Expectation, type Step } from './lives-script.js';

/** The short form kills at one change in so many. */
const EVERY = 40;
/** Far more than a life has, so that a defect of counting ends. */
const CHANGES_MAX = 1000;
/** A life waits for its files most of the time. */
const LIVES_AT_ONCE = 6;
/** Whether life goes on is looked at after every so many changes: what is there was looked at after each. */
const GOES_ON_EVERY = 4;

/** What is known of a life when it has ended. */
export interface Lived {
  readonly process: KillSwitch;
  /** What was acknowledged. */
  readonly acknowledged: Expectation;
  /** What may hold besides at the next start, if the step under way happened or happened in part. */
  readonly unheard: readonly Expectation[];
  readonly step: string;
  readonly globalKey: string | undefined;
}

/** What is lived, and on what. */
export interface Plan extends KillingDiskOptions {
  readonly script: readonly Step[];
  readonly kill?: Kill;
}

/**
 * Lives a script until it is over or the process is killed.
 *
 * @param folder Where
 * @param plan What is lived, and when it is killed
 * @returns What is known of that life
 */
export async function live(folder: string, { script, kill, ...diskOptions }: Plan): Promise<Lived> {
  const process = new KillSwitch(kill);
  let step = 'start';
  let acknowledged = AT_FIRST;
  let unheard: readonly Expectation[] = [];
  const shown = new Map<string, string>();
  try {
    const life = await beginLife(folder, {
      disk: killingDisk(process, diskOptions),
      configDisk: killingConfigDisk(process),
      announce: (scope, key) => void shown.set(scope, key),
    });
    for (const next of script) {
      step = next.name;
      unheard = [afterStop(next.unheard(acknowledged)), ...(next.inPart?.(acknowledged) ?? [])];
      acknowledged = await next.run(life, acknowledged);
      // A warning is enough for what the next start mends, but the process that wrote it is dead by then.
      if (process.isDead) break;
      unheard = [];
    }
    step = 'stop';
    await life.lives.close();
  } catch (error) {
    if (!process.isDead) throw error;
  }
  await process.bury();
  return { process, acknowledged, unheard, step, globalKey: shown.get('global') };
}

/** The readable copy of a snapshot, beside the log, and its beginning: it is made in the background, and a stop cuts it short. */
const READABLE_COPY = /^data\/[^/]+\.json$|\.copy-new$/;

/** Every file below a folder with its content. One that the background renames or removes meanwhile may be missing. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    try {
      const file = path.join(folder, name);
      if ((await stat(file)).isFile()) files.set(name, await readFile(file, 'latin1'));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
  return files;
}

/** Starts on a disk that only counts what it syncs: nothing here is about a loss of power. */
async function beginAgain(folder: string): Promise<Life> {
  const process = new KillSwitch();
  return await beginLife(folder, { disk: killingDisk(process), configDisk: killingConfigDisk(process) });
}

/**
 * Starts again on what a killed process left.
 *
 * @param folder Where it lived
 * @param lived What is known of its life
 */
export async function checkNextStart(folder: string, lived: Lived): Promise<void> {
  const life = await beginAgain(folder);
  const holds = await whatHolds(life, lived);
  await checkFirstKeys(life, lived);
  await life.lives.close();
  const files = await filesOf(folder);
  assert.deepEqual([...files.keys()].filter((name) => name.includes('_trash/')), [], 'something is left in the trash');
  for (const erased of holds.erased) {
    // The registry names deleted logs for ever.
    const holder = [...files].find(([name, content]) => !/^data\/_(server|left)/.test(name) && content.includes(erased));
    assert.equal(holder, undefined, `${holder?.[0] ?? ''} still holds what was deleted`);
  }
  const next = await beginAgain(folder);
  assert.deepEqual(await differences(next, afterStop(holds)), []);
  await checkThatNothingChanged(folder, files, next);
  if (lived.process.count % GOES_ON_EVERY === 0) await checkThatLifeGoesOn(folder, next, afterStop(holds));
  else await next.lives.close();
}

/** What was acknowledged, or that and the step under way. */
async function whatHolds(life: Life, { acknowledged, unheard, step }: Lived): Promise<Expectation> {
  const severe = life.logged.filter(({ level }) => level === 'error' || level === 'fatal');
  assert.deepEqual(severe, [], 'the next start complains');
  const found: string[] = [];
  for (const candidate of [afterStop(acknowledged), ...unheard]) {
    const wrong = await differences(life, candidate);
    if (wrong.length === 0) return candidate;
    found.push(wrong.join('; '));
  }
  return assert.fail(`after "${step}" nothing holds that may: ${found.join(' | ')}`);
}

async function checkFirstKeys(life: Life, { globalKey }: Lived): Promise<void> {
  // Shown by the first start or, where its file did not come to be, by this one.
  const key = life.shown.get('global') ?? globalKey ?? assert.fail('no start has shown the global key');
  assert.equal(await scopeOfKey(life, key), 'global');
}

/** Nothing was left to be brought together, so another start has written nothing but heads and readable copies, and shown nothing. */
async function checkThatNothingChanged(folder: string, before: Map<string, string>, life: Life): Promise<void> {
  assert.deepEqual([...life.shown], []);
  const after = await filesOf(folder);
  const isFixed = (name: string): boolean => !READABLE_COPY.test(name);
  const changed = [...after].filter(([name, content]) => path.basename(name) !== 'head' && before.get(name) !== content);
  assert.deepEqual(changed.map(([name]) => name).filter(isFixed), [], 'another start changed files');
  assert.deepEqual([...after.keys()].filter(isFixed), [...before.keys()].filter(isFixed), 'another start made or removed files');
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

/**
 * Kills a life at every change that it makes, one life for each; in the short form of the tests at every n-th.
 *
 * @param moment Where in the change
 * @param plan What is lived
 */
export async function killAtEveryChange(moment: KillMoment, plan: Plan): Promise<void> {
  const { count, tearable } = await measure(plan);
  // Erasing goes on beside other changes, so that numbers differ by a few from life to life; a life that outlives its kill is whole.
  const changes = moment === 'torn' ? tearable : Array.from({ length: count }, (_, index) => index + 1);
  assert.ok(changes.length > plan.script.length && changes.length < CHANGES_MAX);
  const few = pLimit(LIVES_AT_ONCE);
  await Promise.all(sampled(changes, EVERY).map((change) => few(() => killAt({ change, moment }, plan))));
}

async function killAt(kill: Kill, plan: Plan): Promise<void> {
  await inFolder(async (folder) => {
    const lived = await live(folder, { ...plan, kill });
    try {
      await checkNextStart(folder, lived);
    } catch (cause) {
      const where = `killed ${kill.moment} change ${kill.change} (${lived.process.lastChange}) during "${lived.step}"`;
      throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  });
}

/** Lives an undisturbed life. */
async function measure(plan: Plan): Promise<KillSwitch> {
  let measured = new KillSwitch();
  await inFolder(async (folder) => {
    measured = (await live(folder, plan)).process;
  });
  return measured;
}
