/** One life of a server, step by step, each with what must hold after it: what the tests of crashes kill. */
import { isDeepStrictEqual } from 'node:util';
import type { StorageChange } from '../../src/events/project-settings.js';
import { entryOf, type Life, scopeOfKey, setValue, CONTEXT, valuesOf } from './lives-fixture.js';

/** What must hold of one project. */
export interface ProjectExpectation {
  /** Its key; undefined if it was never shown. */
  readonly key: string | undefined;
  readonly segmentBytes: number;
  readonly keepsKey: boolean;
  readonly values: Readonly<Record<string, string>>;
  /** Undefined until it is known. */
  readonly logId: string | undefined;
  readonly isOnDisk: boolean;
}

/** What must hold after some step. */
export interface Expectation {
  readonly projects: Readonly<Record<string, ProjectExpectation>>;
  /** Keys that open nothing any more. */
  readonly dead: readonly string[];
  /** Texts that no file may hold any more. */
  readonly erased: readonly string[];
}

/** One step of the life. */
export interface Step {
  readonly name: string;
  /** Does it. @returns what must hold once it is acknowledged */
  run(life: Life, now: Expectation): Promise<Expectation>;
  /** What holds if it happened and was not acknowledged. */
  unheard(now: Expectation): Expectation;
  /** What may hold at the next start besides, if it happened in part. */
  inPart?(now: Expectation): readonly Expectation[];
}

const SEGMENT_BYTES = 67_108_864;
const NEW_PROJECT: ProjectExpectation = {
  key: undefined, segmentBytes: SEGMENT_BYTES, keepsKey: false, values: {}, logId: undefined, isOnDisk: true,
};

function withProject(now: Expectation, id: string, change: Partial<ProjectExpectation>): Expectation {
  return { ...now, projects: { ...now.projects, [id]: { ...NEW_PROJECT, ...now.projects[id], ...change } } };
}

function withoutProject(now: Expectation, id: string): Expectation {
  const { [id]: gone, ...projects } = now.projects;
  return {
    projects,
    dead: [...now.dead, ...(gone?.key === undefined ? [] : [gone.key])],
    erased: [...now.erased, ...Object.values(gone?.values ?? {}), ...(gone?.logId === undefined ? [] : [gone.logId])],
  };
}

function withNewKey(now: Expectation, id: string, key: string | undefined): Expectation {
  const old = now.projects[id]?.key;
  return { ...withProject(now, id, { key }), dead: [...now.dead, ...(old === undefined ? [] : [old])] };
}

function create(id: string): Step {
  return {
    name: `create ${id}`,
    run: async ({ lives }, now) => {
      const { details, apiKey } = await lives.create({ id }, CONTEXT);
      return withProject(now, id, { ...NEW_PROJECT, key: apiKey ?? undefined, logId: details.log_id ?? undefined });
    },
    unheard: (now) => withProject(now, id, NEW_PROJECT),
  };
}

function update(id: string, change: { readonly segmentBytes?: number; readonly keepsKey?: boolean }): Step {
  const unheard = (now: Expectation): Expectation => withProject(now, id, change);
  return {
    name: `update ${id}`,
    run: async ({ lives }, now) => {
      const storage = change.segmentBytes === undefined ? {} : { storage: { segment_bytes: change.segmentBytes } };
      const authentication = change.keepsKey === undefined ? {} : { authentication: { save_api_key_to_file: change.keepsKey } };
      await lives.update(id, { ...storage, ...authentication }, CONTEXT);
      return unheard(now);
    },
    unheard,
  };
}

function regenerate(id: string): Step {
  return {
    name: `regenerate the key of ${id}`,
    run: async ({ lives }, now) => withNewKey(now, id, (await lives.regenerateKey(id, CONTEXT)).apiKey),
    unheard: (now) => withNewKey(now, id, undefined),
  };
}

function set(id: string, key: string, value: string): Step {
  const unheard = (now: Expectation): Expectation => withProject(now, id, { values: { ...now.projects[id]?.values, [key]: value } });
  return {
    name: `set ${key} of ${id}`,
    run: async (life, now) => {
      await setValue(life, id, [key, value]);
      return unheard(now);
    },
    unheard,
  };
}

function remove(id: string): Step {
  return {
    name: `delete ${id}`,
    run: async ({ lives }, now) => {
      await lives.delete(id, CONTEXT);
      return withoutProject(now, id);
    },
    unheard: (now) => withoutProject(now, id),
  };
}

function compact(id: string): Step {
  return {
    name: `compact ${id}`,
    run: async ({ lives }, now) => {
      await lives.compact(id, CONTEXT);
      return now;
    },
    unheard: (now) => now,
  };
}

function changeStorage(id: string, storage: StorageChange): Step {
  const unheard = (now: Expectation): Expectation => (
    storage.segment_bytes === undefined ? now : withProject(now, id, { segmentBytes: storage.segment_bytes })
  );
  return {
    name: `change the storage of ${id}`,
    run: async ({ lives }, now) => {
      await lives.update(id, { storage }, CONTEXT);
      return unheard(now);
    },
    unheard,
  };
}

/** What is killed on the way leaves the project on disk, in memory with its data, or in memory as after any stop. */
function leave(id: string): Step {
  const unheard = (now: Expectation): Expectation => withProject(now, id, { isOnDisk: false, logId: undefined });
  return {
    name: `${id} leaves the disk`,
    run: async ({ lives }, now) => {
      await lives.update(id, { storage: { on_disk: false } }, CONTEXT);
      return unheard(now);
    },
    unheard,
    inPart: (now) => [unheard(now)],
  };
}

/**
 * What is killed on the way leaves the project in memory, on disk with its data, or on disk as one that begins there; and, where its
 * log was there and had no line yet, in memory with its data.
 */
function enter(id: string, storage: StorageChange = {}): Step {
  const unheard = (now: Expectation): Expectation => withProject(now, id, { isOnDisk: true });
  return {
    name: `${id} comes to the disk`,
    run: async ({ lives }, now) => {
      const { details } = await lives.update(id, { storage: { ...storage, on_disk: true } }, CONTEXT);
      return withProject(now, id, { isOnDisk: true, logId: details.log_id ?? undefined });
    },
    unheard,
    inPart: (now) => [withProject(now, id, { isOnDisk: true, values: {} }), now],
  };
}

/**
 * What is left of it when the server has stopped, in whatever way: what was in memory is gone.
 *
 * @param now What holds
 * @returns What holds at the next start
 */
export function afterStop(now: Expectation): Expectation {
  const projects = Object.entries(now.projects).map(([id, project]) => (
    [id, project.isOnDisk ? project : { ...project, values: {}, logId: undefined }] as const
  ));
  return { ...now, projects: Object.fromEntries(projects) };
}

const LONG = 200;

/** A life of snapshots, of segments that go, and of ways between memory and disk. */
export const SCRIPT_OF_STORAGE: readonly Step[] = [
  changeStorage('first_project', { segment_bytes: 4096, retention: { max_bytes: 0, compress: 'gzip' } }),
  set('first_project', 'k1', JSON.stringify('first value'.repeat(LONG * 2))),
  compact('first_project'),
  set('first_project', 'k2', JSON.stringify('second value'.repeat(LONG * 2))),
  set('first_project', 'k3', '"third value"'),
  compact('first_project'),
  set('first_project', 'k1', '"first value again"'),
  compact('first_project'),
  leave('first_project'),
  set('first_project', 'k4', '"value in memory"'),
  enter('first_project', { cache_in_memory: false }),
  set('first_project', 'k5', '"value on disk"'),
  compact('first_project'),
  changeStorage('first_project', { cache_in_memory: true }),
  leave('first_project'),
];

/** The life after the start. */
export const SCRIPT: readonly Step[] = [
  create('a'),
  update('a', { segmentBytes: 4096 }),
  regenerate('a'),
  set('a', 'k1', '"first value of the first a"'),
  // Longer than a segment, so that the next one seals it.
  set('a', 'k2', JSON.stringify('second value of the first a'.repeat(200))),
  set('a', 'k3', '"third value of the first a"'),
  create('b'),
  set('b', 'k1', '"value of b"'),
  remove('a'),
  create('a'),
  set('a', 'k1', '"value of the second a"'),
  update('b', { keepsKey: true }),
  regenerate('b'),
  update('b', { keepsKey: false, segmentBytes: 8192 }),
  remove('a'),
];

/** A life in which an id is used again and again. */
export const SCRIPT_OF_ONE_ID: readonly Step[] = [
  create('a'),
  set('a', 'k1', '"value of the first a"'),
  remove('a'),
  create('a'),
  set('a', 'k1', '"value of the second a"'),
  remove('a'),
  create('a'),
];

/** What must hold when nothing has been asked for yet. */
export const AT_FIRST: Expectation = { projects: { first_project: NEW_PROJECT }, dead: [], erased: [] };

/**
 * Compares a life with what must hold, apart from what lies in files.
 *
 * @param life A life that has just begun
 * @param wanted What must hold
 * @returns What does not, as phrases
 */
export async function differences(life: Life, wanted: Expectation): Promise<string[]> {
  const found: string[] = [];
  const ids = life.lives.list().map(({ id }) => id);
  const wantedIds = Object.keys(wanted.projects).sort();
  if (!isDeepStrictEqual(ids, wantedIds)) found.push(`projects are ${ids.join(' ')}, not ${wantedIds.join(' ')}`);
  for (const [id, project] of Object.entries(wanted.projects)) {
    if (ids.includes(id)) found.push(...(await projectDifferences(life, id, project)).map((difference) => `${id}: ${difference}`));
  }
  for (const key of wanted.dead) if ((await scopeOfKey(life, key)) !== null) found.push('a dead key opens something');
  return found;
}

async function projectDifferences(life: Life, id: string, wanted: ProjectExpectation): Promise<string[]> {
  const details = life.lives.details(id);
  if (details.state !== 'serving') return [`is ${details.state}`];
  const found: string[] = [];
  const check = (what: string, isRight: boolean): void => {
    if (!isRight) found.push(what);
  };
  const values = await valuesOf(life, id);
  check(`values are ${JSON.stringify(values).slice(0, 200)}`, isDeepStrictEqual(values, { ...wanted.values }));
  check(`log is ${details.log_id}`, wanted.logId === undefined || details.log_id === wanted.logId);
  check(`on_disk is ${details.storage.on_disk}`, details.storage.on_disk === wanted.isOnDisk);
  check(`segment_bytes is ${details.storage.segment_bytes}`, details.storage.segment_bytes === wanted.segmentBytes);
  check('save_api_key_to_file is another', details.authentication.save_api_key_to_file === wanted.keepsKey);
  check('its key does not open it', wanted.key === undefined || (await scopeOfKey(life, wanted.key)) === id);
  const entry = entryOf(life.config.document, id);
  const { version } = life.lives.store(id);
  const revision = wanted.isOnDisk ? version.seq : undefined;
  check(`entry has revision ${entry.revision}, not ${revision}`, entry.revision === revision);
  check('entry and log name different keys', life.keyring.keyId({ kind: 'project', project: id }) === version.keyId);
  check('entry keeps a key that it must not', wanted.keepsKey || entry.authentication?.api_key === null);
  return found;
}
