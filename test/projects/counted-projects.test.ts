/** Counters of projects: right after whatever happens to a project, and asked for without a look at all of them. */
import assert from 'node:assert/strict';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import type { LogState } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { describeProject } from '../../src/projects/project-details.js';
import { OpenScopes } from '../../src/projects/open-scopes.js';
import { ProjectTable } from '../../src/store/project-table.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { inFolder } from '../config/config-folder.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, type Life } from './lives-fixture.js';

const test = suite('counted projects');

const SETTINGS = BUILT_IN_SETTINGS;

/** A log whose state a test changes. */
class MoodyLog extends MemoryLog {
  #mood: LogState = 'writable';
  #report: () => void = () => undefined;

  override state(): LogState {
    return this.#mood;
  }

  override onStateChange(listener: () => void): void {
    this.#report = listener;
  }

  enter(state: LogState): void {
    this.#mood = state;
    this.#report();
  }
}

/** What the counters should say, by a walk. */
function walk(table: ProjectTable): readonly unknown[] {
  const stores = table.list().flatMap((project) => (project.kind === 'served' ? [project.store] : []));
  const degraded = table.list().map(describeProject).filter(({ state }) => state !== 'serving').map(({ id }) => id);
  return [table.list().length, table.list().length - degraded.length, stores.filter(({ isOpenScope }) => isOpenScope).length, degraded];
}

function counters(table: ProjectTable): readonly unknown[] {
  const { count, writableCount, openCount } = table;
  return [count, writableCount, openCount, table.degraded().map((project) => describeProject(project).id)];
}

/** Lets no call walk over the projects. */
function forbidWalks({ table }: Life): () => void {
  const list = table.list.bind(table);
  table.list = () => assert.fail('the projects were walked over');
  return () => void (table.list = list);
}

const STEPS = ['serve', 'refuse', 'remove', 'open', 'close', 'key', 'read_only', 'writable', 'failed', 'closed', 'replace'] as const;

/** What happens to which project. */
type Step = readonly [(typeof STEPS)[number], string];

async function take(table: ProjectTable, logs: Map<ProjectStore, MoodyLog>, [step, id]: Step): Promise<void> {
  if (step === 'serve') {
    const log = new MoodyLog({ project: id, logId: '0'.repeat(32) });
    const store = new ProjectStore({ log, model: new ProjectModel() });
    await store.submit({ type: 'project.create', settings: SETTINGS, keyId: null }, CONTEXT);
    logs.set(store, log);
    table.serve(store);
    return;
  }
  if (step === 'refuse') return table.refuse({ id, code: 'project_corrupt', reason: 'x', settings: SETTINGS });
  if (step === 'remove') return table.remove(id);
  const found = table.get(id);
  if (found?.kind !== 'served') return;
  const { store } = found;
  if (step === 'open' || step === 'close') {
    await store.submit({ type: 'project.update', change: { authentication: { enabled: step === 'close' } } }, CONTEXT);
  } else if (step === 'key') {
    await store.submit({ type: 'project.key', keyId: 'k2' }, CONTEXT);
  } else if (step === 'replace') {
    const log = new MoodyLog({ project: id, logId: '1'.repeat(32), base: { seq: store.seq, hash: store.hash } });
    const release = await store.hold();
    logs.get(store)?.enter('closed');
    store.replaceLog(log);
    logs.set(store, log);
    release();
  } else {
    logs.get(store)?.enter(step);
  }
}

test('the counters say what a walk finds, whatever happens to the projects', () => fc.assert(fc.asyncProperty(
  fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.constantFrom('a', 'b', 'c')), { maxLength: 30 }),
  async (steps) => {
    const table = new ProjectTable();
    const logs = new Map<ProjectStore, MoodyLog>();
    for (const step of steps) {
      await take(table, logs, step);
      assert.deepEqual(counters(table), walk(table), step.join(' '));
    }
  },
)));

test('the counters follow the lives of projects on disk and in memory', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const { lives, table } = life;
  const open = { authentication: { enabled: false } };
  const changes = [
    () => lives.create({ id: 'a', ...open }, CONTEXT), () => lives.create({ id: 'b', storage: { on_disk: false } }, CONTEXT),
    () => lives.update('b', open, CONTEXT), () => lives.update('b', { storage: { on_disk: true } }, CONTEXT),
    () => lives.update('a', { storage: { on_disk: false } }, CONTEXT), () => lives.regenerateKey('first_project', CONTEXT),
    () => lives.update('b', { authentication: { enabled: true } }, CONTEXT), () => lives.compact('b', CONTEXT),
    () => lives.delete('a', CONTEXT), () => lives.delete('first_project', CONTEXT),
  ];
  for (const change of changes) {
    await change();
    assert.deepEqual(counters(table), walk(table), String(change));
  }
  assert.deepEqual(counters(table), [1, 1, 0, []]);
  await lives.close();
  assert.deepEqual(counters(table), [1, 0, 0, ['b']]);
}));

test('whether any scope is open and any project can write is known without a walk over the projects', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const scopes = new OpenScopes(() => life.config.document.default?.authentication?.enabled === false, life.table);
  const allowWalks = forbidWalks(life);
  assert.deepEqual([scopes.anyOpen, scopes.isProjectOpen('first_project'), life.lives.canWrite], [false, false, true]);
  await life.lives.update('first_project', { authentication: { enabled: false } }, CONTEXT);
  assert.deepEqual([scopes.anyOpen, scopes.isProjectOpen('first_project'), life.lives.canWrite], [true, true, true]);
  assert.deepEqual([life.lives.readiness().ready, life.lives.readiness().degraded], [true, []]);
  allowWalks();
  await life.lives.close();
}));

test.run();
