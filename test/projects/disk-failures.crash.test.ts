/**
 * Every call that a change of a project makes of the disk, struck by itself. The answer has a code of its own, never that of a defect;
 * what it says is in force is in force and nothing else is; asked again the change is carried out; and the next start agrees.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/base/app-error.js';
import type { ErrorCode } from '../../src/base/error-codes.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import type { FaultDisk } from '../disk/fault-disk.js';
import { diskWithConfig, type FaultedLife, PROBE_MS, startLife } from '../proofs/faults/faulted-life.js';
import { suite } from '../suite.js';
import { strideOf } from '../test-form.js';
import { CONTEXT } from './lives-fixture.js';
import { readKey } from '../store/read-key.js';

const test = suite('disk-failures');

function lockedBy(digit: string): NonNullable<ConfigDocument['projects'][number]['authentication']> {
  return { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: `sha256:${digit.repeat(64)}` };
}

const DOCUMENT: ConfigDocument = {
  version: 1, server_port: 0, default: { authentication: lockedBy('0') },
  projects: [
    { id: 'disk', authentication: lockedBy('1') },
    { id: 'memory', storage: { on_disk: false }, authentication: lockedBy('2') },
    { id: 'open', authentication: { enabled: false } },
    { id: 'open-memory', storage: { on_disk: false }, authentication: { enabled: false } },
  ],
};

/** One change, and what the project is once it has been carried out. */
interface Change {
  readonly project: string;
  carryOut(life: FaultedLife): Promise<unknown>;
}

const CHANGES: Readonly<Record<string, Change>> = {
  'creating a project': { project: 'made', carryOut: ({ lives }) => lives.create({ id: 'made' }, CONTEXT) },
  'creating a project in memory': {
    project: 'made', carryOut: ({ lives }) => lives.create({ id: 'made', storage: { on_disk: false } }, CONTEXT),
  },
  'deleting a project': { project: 'disk', carryOut: ({ lives }) => lives.delete('disk', CONTEXT) },
  'deleting a project in memory': { project: 'memory', carryOut: ({ lives }) => lives.delete('memory', CONTEXT) },
  'changing settings': {
    project: 'disk', carryOut: ({ lives }) => lives.update('disk', { storage: { segment_bytes: 8192 } }, CONTEXT),
  },
  'changing settings so that a key is made': {
    project: 'open', carryOut: ({ lives }) => lives.update('open', { authentication: { enabled: true } }, CONTEXT),
  },
  'giving another key': { project: 'disk', carryOut: ({ lives }) => lives.regenerateKey('disk', CONTEXT) },
  'moving to the disk and opening at once': {
    project: 'memory',
    carryOut: ({ lives }) => lives.update('memory', { storage: { on_disk: true }, authentication: { enabled: false } }, CONTEXT),
  },
  'moving to the disk so that a key is made': {
    project: 'open-memory',
    carryOut: ({ lives }) => lives.update('open-memory', { storage: { on_disk: true }, authentication: { enabled: true } }, CONTEXT),
  },
  'moving to memory and opening at once': {
    project: 'disk',
    carryOut: ({ lives }) => lives.update('disk', { storage: { on_disk: false }, authentication: { enabled: false } }, CONTEXT),
  },
  'moving to memory so that a key is made': {
    project: 'open',
    carryOut: ({ lives }) => lives.update('open', { storage: { on_disk: false }, authentication: { enabled: true } }, CONTEXT),
  },
};

/** What a disk that fails may be answered with. */
const CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'disk_full', 'disk_failed', 'config_write_failed', 'outcome_unknown', 'log_failed', 'project_corrupt',
]);
/** After these it is unknown what the disk has until the next start. */
const UNCERTAIN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['outcome_unknown', 'log_failed', 'project_corrupt']);
/** The short form strikes one call in so many. */
const EVERY = 16;
const OTHER_ERRNOS = ['ENOSPC', 'EMFILE', 'EROFS'] as const;

async function startDisk(): Promise<FaultDisk> {
  const disk = diskWithConfig(DOCUMENT);
  const { lives } = await startLife(disk);
  for (const id of ['disk', 'open']) await lives.store(id).submit({ type: 'set', key: 'k', value: '"kept"' }, CONTEXT);
  await lives.close();
  return disk.crash();
}

async function begin(disk: FaultDisk): Promise<FaultedLife> {
  const life = await startLife(disk);
  for (const id of ['memory', 'open-memory']) await life.lives.store(id).submit({ type: 'set', key: 'k', value: '"kept"' }, CONTEXT);
  return life;
}

/** The part of a project's details that a change decides. */
function stateOf(life: FaultedLife, project: string): unknown {
  const details = life.lives.list().find(({ id }) => id === project);
  return details && { storage: details.storage, authentication: details.authentication, state: details.state };
}

async function refusalOf(work: Promise<unknown>): Promise<AppError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    assert.ok(error instanceof AppError, `not a refusal but ${String(error)} ${error instanceof Error ? error.stack ?? '' : ''}`);
    return error;
  }
}

/** A log that found the disk full tries by itself until it finds room. */
async function hasRoomAgain({ lives, served }: FaultedLife, project: string): Promise<void> {
  const isWaiting = (): boolean => served(project)?.logState === 'read_only'
    || lives.readiness().checks.some(({ name, detail }) => name === 'registry' && detail.includes('full'));
  for (let look = 0; look < 1000 && isWaiting(); look += 1) await sleep(PROBE_MS);
}

async function assertValue(life: FaultedLife, project: string): Promise<void> {
  if (project === 'made') return;
  const store = life.served(project);
  if (store !== undefined) assert.equal((await readKey(store, 'k'))?.value, '"kept"');
}

/** Strikes one call and follows what becomes of the change. Returns false when the change makes fewer calls. */
async function strike(start: FaultDisk, { project, carryOut }: Change, { call, code }: { call: number; code: string }): Promise<boolean> {
  const disk = start.crash();
  const life = await begin(disk);
  const before = stateOf(life, project);
  const heal = disk.fail({ number: disk.calls.length + call, action: { kind: 'errno', code } });
  const callsBefore = disk.calls.length;
  const refusal = await refusalOf(carryOut(life));
  const struck = disk.calls[callsBefore + call - 1];
  heal();
  await hasRoomAgain(life, project);
  const what = `${struck?.method ?? 'none'} ${struck?.path ?? ''} ${code}: ${refusal?.code ?? 'done'}`;
  const isApplied = refusal === undefined || refusal.facts['applied'] === true;
  if (refusal !== undefined) {
    assert.ok(CODES.has(refusal.code), what);
    // A log that cannot take a line, for whatever reason but EIO, waits for room.
    if (refusal.code === 'disk_full' && struck?.method !== 'append') assert.equal(code, 'ENOSPC', what);
    if (!isApplied && !UNCERTAIN.has(refusal.code)) assert.deepEqual(stateOf(life, project), before, what);
    if (!UNCERTAIN.has(refusal.code)) await assertValue(life, project);
  }
  const again = refusal === undefined ? undefined : await refusalOf(carryOut(life));
  if (again !== undefined && !isApplied) {
    assert.ok(UNCERTAIN.has(again.code) || again.code.startsWith('project_'), `${what}, then ${again.code}`);
  }
  const isDone = isApplied || again === undefined;
  const after = stateOf(life, project);
  await life.lives.close().catch(() => undefined);
  const next = await startLife(disk.crash());
  const found = stateOf(next, project);
  if (isDone && again === undefined) assert.deepEqual(found, after, what);
  if (next.served(project)?.isOnDisk === true) await assertValue(next, project);
  await next.lives.close();
  return struck !== undefined;
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`${what}: whichever call of the disk fails, the answer has a code of its own and says what is in force`, async () => {
    const start = await startDisk();
    const { offset, step } = strideOf(EVERY);
    let call = 1 + offset;
    for (let tries = 1; await strike(start, change, { call, code: 'EIO' }); tries += 1) {
      if (tries % 2 === 0) await strike(start, change, { call, code: OTHER_ERRNOS[(tries / 2) % OTHER_ERRNOS.length] ?? 'EIO' });
      call += step;
    }
    assert.ok(call > 5, 'it makes some calls');
  });
}

test.run();
