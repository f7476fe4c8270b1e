/**
 * One life of a server, in steps, that makes every kind of change to the disk: writes with rotations, snapshots, removal of old
 * generations, retention with compression and removal, values on disk and in memory, both ways between memory and disk, a deletion,
 * a new key, a stop and a start. A step that is refused is noted, and life goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isErrno } from '../../src/base/app-error.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import type { NewProject } from '../../src/projects/projects.js';
import type { FaultDisk } from '../disk/fault-disk.js';
import { CONTEXT } from '../projects/lives-fixture.js';
import { type FaultedLife, PROBE_MS, startLife } from './faulted-life.js';
import type { Change } from './ledger.js';
import { Told } from './told.js';

/** What the life begins with: one project with small segments, of which retention keeps few, and compressed ones only. */
export const DOCUMENT: ConfigDocument = {
  version: 1,
  default: {
    storage: { persistent_file_path: 'data/', compaction: { interval_seconds: 0 } },
    authentication: { enabled: false, save_api_key_to_file: false, api_key: null, api_key_hash: null },
  },
  projects: [
    {
      id: 'p',
      storage: { segment_bytes: 4096, retention: { max_age_seconds: null, max_bytes: 1500, compress: 'gzip' } },
      authentication: { enabled: true },
    },
  ],
};

/** So that a few of them fill a segment. */
const VALUE_CHARACTERS = 900;
const OPEN = { authentication: { enabled: false } } as const;
/** How often a write that found the disk full is tried again. */
const TRIES_MAX = 3;

/** The server as the script sees it. */
interface World {
  readonly disk: FaultDisk;
  readonly told: Told;
  life: FaultedLife;
  values: number;
}

interface Step {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** Lets a step fail as a request may fail: by a refusal, or by what the system says. */
async function attempt(world: World, what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (world.disk.isKilled) throw error;
    if (error instanceof AppError || isErrno(error)) return false;
    world.told.faults.push(`${what} ended with ${error instanceof Error ? error.stack : String(error)}`);
    return false;
  }
}

async function ask(world: World, id: string, change: Change): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const code = await world.told.ask(world.life, id, change);
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

function remove(id: string, key: string): Step {
  return { name: `delete ${key} of ${id}`, run: (world) => ask(world, id, { kind: 'delete', key, value: '' }) };
}

function clear(id: string): Step {
  return { name: `clear ${id}`, run: (world) => ask(world, id, { kind: 'clear', key: '', value: '' }) };
}

function compact(id: string): Step {
  const name = `compact ${id}`;
  return { name, run: async (world) => void (await attempt(world, name, () => world.life.lives.compact(id, CONTEXT))) };
}

function create(project: NewProject): Step {
  const name = `create ${project.id}`;
  const run = async (world: World): Promise<void> => {
    const told = world.told.of(project.id);
    if (!(await attempt(world, name, () => world.life.lives.create(project, CONTEXT)))) return;
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
      // Where nobody can say whether it has left, the next start may bring it back as it set out.
      told.setOut = told.ledger.copy();
    }
    const isDone = await attempt(world, name, () => world.life.lives.update(id, { storage: { on_disk: onDisk } }, CONTEXT));
    if (isDone) told.place = onDisk ? 'disk' : 'memory';
  };
  return { name, run };
}

function keep(id: string, inMemory: boolean): Step {
  const name = `keep the values of ${id} ${inMemory ? 'in memory' : 'on disk'}`;
  const run = async ({ life, ...world }: World): Promise<void> => {
    await attempt({ life, ...world }, name, () => life.lives.update(id, { storage: { cache_in_memory: inMemory } }, CONTEXT));
    // What goes on behind the answer is part of the step.
    await world.disk.settle();
  };
  return { name, run };
}

function regenerate(id: string): Step {
  const name = `regenerate the key of ${id}`;
  return { name, run: async (world) => void (await attempt(world, name, () => world.life.lives.regenerateKey(id, CONTEXT))) };
}

const restart: Step = {
  name: 'stop and start',
  run: async (world) => {
    await attempt(world, 'stop', () => world.life.lives.close());
    world.life = await startLife(world.disk);
    world.told.faults.push(...(await world.told.judge(world.life, world.disk)));
    await world.told.settle(world.life);
  },
};

/** The life after the first start. */
const SCRIPT: readonly Step[] = [
  set('p', 'a'), set('p', 'b', 'c'), set('p', 'd'), set('p', 'a'), compact('p'),
  set('p', 'e'), remove('p', 'b'), set('p', 'a', 'f'), set('p', 'g'), regenerate('p'), compact('p'),
  create({ id: 'm', storage: { on_disk: false }, ...OPEN }), set('m', 'x', 'y'), move('m', true), set('m', 'x'), compact('m'),
  keep('p', false), set('p', 'h'), set('p', 'c', 'i'), compact('p'), set('p', 'a'), restart,
  set('p', 'j'), remove('p', 'd'), keep('p', true), set('p', 'e'), compact('p'),
  create({ id: 'q', storage: { on_disk: true }, ...OPEN }), set('q', 'k'), clear('q'), set('q', 'l'), drop('q'),
  set('m', 'z'), move('m', false), set('m', 'x'), set('p', 'a', 'k'),
];

/** Names of the steps. */
export const STEP_COUNT = SCRIPT.length;

/** How a life went. */
export interface Lived {
  readonly told: Told;
  /** The last step that was begun. */
  readonly step: string;
}

/**
 * Lives the script until it is over, or the process is killed, or cannot be started again.
 *
 * @param disk with {@link DOCUMENT} on it
 * @returns what was told
 */
export async function liveOn(disk: FaultDisk): Promise<Lived> {
  const told = new Told();
  let step = 'start';
  try {
    const life = await startLife(disk);
    const world: World = { disk, told, life, values: 0 };
    const isServed = life.served('p') !== undefined;
    if (isServed) Object.assign(told.of('p'), { presence: 'there', place: 'disk' });
    for (const { name, run } of SCRIPT) {
      step = name;
      await run(world);
      // A warning is enough for what the next start mends, but the process that wrote it is dead by then.
      if (disk.isKilled) break;
      told.checkShown(world.life);
    }
    if (!disk.isKilled) {
      step = 'stop';
      await world.life.lives.close();
    }
  } catch (error) {
    if (!disk.isKilled && !disk.isFaulty) throw error;
  }
  await disk.settle();
  return { told, step };
}
