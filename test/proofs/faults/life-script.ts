/**
 * One life of a server, in steps, that makes every kind of change to the disk: writes of one key and of several with rotations, snapshots,
 * removal of old generations, retention with compression and removal, values on disk and in memory, both ways between memory and disk, a
 * deletion, a new key, a stop and a start. Four projects go through their steps at once, and meet at the stop. A step that is refused is
 * noted, and life goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isErrno } from '../../../src/base/app-error.js';
import type { ConfigDocument } from '../../../src/config/config-document.js';
import type { Durability } from '../../../src/base/durability.js';
import type { NewProject } from '../../../src/projects/projects.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { CONTEXT } from '../../projects/lives-fixture.js';
import { DATA, type FaultedLife, PROBE_MS, startLife } from './faulted-life.js';
import type { Change } from './ledger.js';
import { Told } from './told.js';

/** Projects that live at once. */
export const PROJECT_COUNT = 4;

/** Longest time between two syncs under `interval`, in milliseconds: short, so that syncs fall between all other calls. */
const SYNC_INTERVAL_MS = 2;

const SMALL_SEGMENTS = { segment_bytes: 4096 } as const;

/**
 * What a life begins with: two projects with small segments. Of those of one, retention keeps few, and compressed ones only.
 *
 * @param durability what all logs promise
 * @returns the configuration
 */
export function documentWith(durability: Durability): ConfigDocument {
  return {
    version: 1,
    default: {
      storage: { persistent_file_path: 'data/', compaction: { interval_seconds: 0 }, durability, sync_interval_ms: SYNC_INTERVAL_MS },
      authentication: { enabled: false, save_api_key_to_file: false, api_key: null, api_key_hash: null },
    },
    projects: [
      {
        id: 'p',
        storage: { ...SMALL_SEGMENTS, retention: { max_age_seconds: null, max_bytes: 1500, compress: 'gzip' } },
        authentication: { enabled: true },
      },
      { id: 'r', storage: SMALL_SEGMENTS, authentication: { enabled: true } },
    ],
  };
}

/** So that a few of them fill a segment. */
const VALUE_CHARACTERS = 900;
const OPEN = { authentication: { enabled: false } } as const;
/** How often a write that found the disk full is tried again. */
const TRIES_MAX = 3;

/** The server as the script sees it. */
interface World {
  readonly disk: FaultDisk;
  readonly told: Told;
  readonly durability: Durability;
  life: FaultedLife;
  /** How many calls had been struck when this server was started. */
  struckBefore: number;
  values: number;
  /** Steps that were refused. */
  readonly refused: string[];
}

interface Step {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** What one project goes through between two starts. */
interface Strand {
  readonly id: string;
  readonly steps: readonly Step[];
}

/** Lets a step fail as a request may fail: by a refusal, or by what the system says. */
async function attempt(world: World, what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (world.disk.isKilled) throw error;
    world.refused.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof AppError || isErrno(error)) return false;
    world.told.faults.push(`${what} ended with ${error instanceof Error ? error.stack : String(error)}`);
    return false;
  }
}

async function ask(world: World, id: string, change: Change): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const code = await world.told.ask(world.life, id, change);
    if (code === undefined) return;
    world.refused.push(`${change.kind} ${change.key} of ${id}: ${code}`);
    if (code !== 'disk_full') return;
    await sleep(PROBE_MS + PROBE_MS);
  }
}

/** A value that no other change has. */
function newSet(world: World, key: string): Change {
  world.values += 1;
  return { kind: 'set', key, value: JSON.stringify(`value ${world.values} ${key.repeat(VALUE_CHARACTERS)}`.slice(0, VALUE_CHARACTERS)) };
}

function set(id: string, ...keys: readonly string[]): Step {
  const run = async (world: World): Promise<void> => {
    await Promise.all(keys.map((key) => ask(world, id, newSet(world, key))));
  };
  return { name: `set ${keys.join(' ')} of ${id}`, run };
}

/** One change of several keys: some are set, others deleted. */
function batch(id: string, keys: readonly string[], deleted: readonly string[] = []): Step {
  const key = [...keys, ...deleted].join(' ');
  const run = async (world: World): Promise<void> => {
    const parts = [...keys.map((one) => newSet(world, one)), ...deleted.map((one) => ({ kind: 'delete', key: one, value: '' } as const))];
    await ask(world, id, { kind: 'batch', key, value: '', parts });
  };
  return { name: `set ${keys.join(' ')} and delete ${deleted.join(' ')} of ${id} at once`, run };
}

function remove(id: string, key: string): Step {
  return { name: `delete ${key} of ${id}`, run: (world) => ask(world, id, { kind: 'delete', key, value: '' }) };
}

function clear(id: string): Step {
  return { name: `clear ${id}`, run: (world) => ask(world, id, { kind: 'clear', key: '', value: '' }) };
}

/** Deletes all keys with a prefix. */
function range(id: string, prefix: string): Step {
  return { name: `delete ${prefix}… of ${id}`, run: (world) => ask(world, id, { kind: 'range', key: prefix, value: '' }) };
}

/** A snapshot knows nothing that is not durable. */
function compact(id: string): Step {
  const name = `compact ${id}`;
  const run = async (world: World): Promise<void> => {
    await attempt(world, name, async () => world.told.of(id).ledger.promise((await world.life.lives.compact(id, CONTEXT)).seq));
  };
  return { name, run };
}

/** Settings that were answered are durable, since the configuration says which version of them it reflects. */
function settle(world: World, id: string): void {
  world.told.of(id).ledger.promise(world.life.served(id)?.seq ?? 0);
}

function create(project: NewProject): Step {
  const name = `create ${project.id}`;
  const run = async (world: World): Promise<void> => {
    const told = world.told.of(project.id);
    if (!(await attempt(world, name, () => world.life.lives.create(project, CONTEXT)))) return;
    settle(world, project.id);
    told.presence = 'there';
    told.place = project.storage?.on_disk === false ? 'memory' : 'disk';
  };
  return { name, run };
}

function drop(id: string): Step {
  const name = `drop ${id}`;
  const run = async (world: World): Promise<void> => {
    const told = world.told.of(id);
    told.presence = 'unknown';
    if (await attempt(world, name, () => world.life.lives.delete(id, CONTEXT))) told.presence = 'gone';
  };
  return { name, run };
}

function move(id: string, onDisk: boolean): Step {
  const name = `move ${id} to ${onDisk ? 'the disk' : 'memory'}`;
  const run = async (world: World): Promise<void> => {
    const told = world.told.of(id);
    // One that is not served is refused and stays what it was, which may be what it set out with before.
    if (world.life.served(id) !== undefined) {
      told.place = 'unknown';
      // If it is uncertain whether it has moved to memory, the next start may bring it back as it was before.
      told.setOut = told.ledger.copy();
    }
    const isDone = await attempt(world, name, () => world.life.lives.update(id, { storage: { on_disk: onDisk } }, CONTEXT));
    if (!isDone) return;
    told.place = onDisk ? 'disk' : 'memory';
    settle(world, id);
  };
  return { name, run };
}

function keep(id: string, inMemory: boolean): Step {
  const name = `keep the values of ${id} ${inMemory ? 'in memory' : 'on disk'}`;
  const run = async (world: World): Promise<void> => {
    const storage = { cache_in_memory: inMemory };
    if (await attempt(world, name, () => world.life.lives.update(id, { storage }, CONTEXT))) settle(world, id);
    // What goes on behind the answer is part of the step.
    await world.disk.settle();
  };
  return { name, run };
}

function regenerate(id: string): Step {
  const name = `regenerate the key of ${id}`;
  const run = async (world: World): Promise<void> => {
    if (await attempt(world, name, () => world.life.lives.regenerateKey(id, CONTEXT))) settle(world, id);
  };
  return { name, run };
}

/** Under `interval` the disk has everything after a while, unless the log has failed meanwhile. */
function pause(id: string): Step {
  const run = async (world: World): Promise<void> => {
    if (world.durability !== 'interval') return;
    await sleep(SYNC_INTERVAL_MS + SYNC_INTERVAL_MS);
    await world.disk.settle();
    if (!world.disk.isKilled && world.life.served(id)?.logState === 'writable') settle(world, id);
  };
  return { name: `wait for a sync of ${id}`, run };
}

async function restart(world: World): Promise<void> {
  await attempt(world, 'stop', () => world.life.lives.close());
  world.struckBefore = world.disk.struck.length;
  world.life = await startLife(world.disk);
  world.told.faults.push(...(await world.told.judge(world.life, world.disk)));
  await world.told.settle(world.life);
}

/** What comes between the first start and the second, and after the second. */
const LIVES: readonly (readonly Strand[])[] = [
  [
    {
      id: 'p',
      steps: [
        set('p', 'a'), set('p', 'b', 'c'), set('p', 'd'), set('p', 'a'), compact('p'),
        set('p', 'e'), remove('p', 'b'), batch('p', ['a', 'f'], ['c']), set('p', 'g'), regenerate('p'), compact('p'),
        keep('p', false), set('p', 'h'), batch('p', ['c', 'i']), compact('p'), set('p', 'a'),
      ],
    },
    {
      id: 'm',
      steps: [
        create({ id: 'm', storage: { on_disk: false }, ...OPEN }), batch('m', ['x', 'y']), move('m', true), set('m', 'x'), compact('m'),
        set('m', 'y'),
      ],
    },
    {
      id: 'q',
      steps: [
        create({ id: 'q', storage: { on_disk: true }, ...OPEN }), set('q', 'k'), clear('q'), batch('q', ['l', 'k']), remove('q', 'k'),
        batch('q', ['x1', 'l', 'x2']), range('q', 'x'),
      ],
    },
    {
      id: 'r',
      steps: [
        set('r', 'a', 'b'), set('r', 'c'), set('r', 'a'), batch('r', ['d', 'a'], ['c']), pause('r'), compact('r'), set('r', 'b'),
        range('r', 'a'), set('r', 'a', 'c'),
      ],
    },
  ],
  [
    { id: 'p', steps: [set('p', 'j'), remove('p', 'd'), keep('p', true), set('p', 'e'), compact('p'), batch('p', ['a', 'k'], ['j'])] },
    { id: 'm', steps: [set('m', 'z'), move('m', false), set('m', 'x')] },
    { id: 'q', steps: [set('q', 'k'), drop('q')] },
    { id: 'r', steps: [set('r', 'e', 'a'), set('r', 'b'), pause('r'), batch('r', ['a', 'e'], ['b', 'd']), set('r', 'c')] },
  ],
];

/** How a life went. */
export interface Lived {
  readonly told: Told;
  /** The last step that each project began. */
  readonly step: string;
  /** What was refused, with the reason. */
  readonly refused: readonly string[];
}

/**
 * A log of which a sync has failed takes nothing more, and says so, whether or not an answer waited for that sync. A log has failed only
 * where a call of the disk has: a mistake in the use of the disk is none.
 */
function checkLog({ disk, told, life, struckBefore }: World, id: string): void {
  const store = life.served(id);
  if (store?.isOnDisk !== true) return;
  const struck = disk.struck.slice(struckBefore);
  const hasFailed = struck.some(({ method, path, action }) => (
    method === 'datasync' && path === `${DATA}/${id}.jsonl` && action.kind === 'errno'
  ));
  if (hasFailed && store.logState !== 'failed') told.faults.push(`${id}: a sync of its log has failed, and the log is ${store.logState}`);
  if (store.logState === 'failed' && struck.length === 0) told.faults.push(`${id}: its log has failed, and no call of the disk has`);
}

async function live(world: World, { id, steps }: Strand, begun: Map<string, string>): Promise<void> {
  for (const { name, run } of steps) {
    begun.set(id, name);
    await run(world);
    // A warning is enough for what the next start mends, but the process that wrote it is dead by then.
    if (world.disk.isKilled) return;
    world.told.checkShown(world.life, id);
    checkLog(world, id);
  }
}

/** All of them come to their end before the first that failed is named: no server is stopped under another one's steps. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/**
 * Lives the script until it is over, or the process is killed, or cannot be started again.
 *
 * @param disk with the configuration of {@link documentWith} on it
 * @param durability the same
 * @returns what was acknowledged
 */
export async function liveOn(disk: FaultDisk, durability: Durability): Promise<Lived> {
  const told = new Told();
  const begun = new Map<string, string>([['', 'start']]);
  const refused: string[] = [];
  try {
    const world: World = { disk, told, durability, life: await startLife(disk), struckBefore: 0, values: 0, refused };
    for (const id of ['p', 'r']) {
      if (world.life.served(id) !== undefined) Object.assign(told.of(id), { presence: 'there', place: 'disk' });
    }
    for (const [index, strands] of LIVES.entries()) {
      if (index > 0) {
        begun.clear();
        begun.set('', 'stop and start');
        await restart(world);
      }
      begun.delete('');
      await allOf(strands.map((strand) => live(world, strand, begun)));
      if (disk.isKilled) break;
    }
    if (!disk.isKilled) {
      begun.clear();
      begun.set('', 'stop');
      await world.life.lives.close();
    }
  } catch (error) {
    if (!disk.isKilled && !disk.isFaulty) throw error;
  }
  await disk.settle();
  return { told, step: [...begun.values()].join(', '), refused };
}
