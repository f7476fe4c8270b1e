/** Snapshots of the registry: when they are made, and what a start makes of them. */
import assert from 'node:assert/strict';
import type { Logger } from '../../src/base/logger.js';
import { FileHome } from '../../src/log/file/file-home.js';
import { REGISTRY_SNAPSHOT_LINES } from '../../src/projects/registry-snapshots.js';
import { Registry } from '../../src/projects/registry.js';
import { FaultDisk } from '../disk/fault-disk.js';
import { suite } from '../suite.js';
import { strideOf } from '../test-form.js';
import { DATA, spoil } from './compacted-project.js';
import { collectingLogger, CONTEXT, type LoggedLine, snapshotFolders } from './lives-fixture.js';

const test = suite('registry-snapshots');

/** The short form kills at one call in so many. */
const EVERY = 4;

interface OpenJournal {
  readonly registry: Registry;
  /** Lines that the start had to read. */
  readonly replayed: number;
  readonly logged: LoggedLine[];
}

function newDisk(): FaultDisk {
  const disk = new FaultDisk();
  disk.tree.makeFolder(DATA);
  disk.tree.syncAll();
  return disk;
}

async function openJournal(disk: FaultDisk): Promise<OpenJournal> {
  const logged: LoggedLine[] = [];
  const logger: Logger = collectingLogger(logged);
  let replayed = 0;
  const home = new FileHome({ folder: DATA, disk, logger });
  const open = home.open.bind(home);
  home.open = (project, options) => open(project, {
    ...options,
    replay: (line) => {
      replayed += 1;
      options.replay(line);
    },
  });
  const place = { diskHome: home, snapshots: snapshotFolders(disk, DATA), logger };
  const registry = (await Registry.open(place)) ?? (await Registry.create(place));
  return { registry, replayed, logged };
}

const logIdOf = (number: number): string => String(number).padStart(32, '0');

/** Names that are created and deleted in turn. */
const PROJECTS = 50;

/** Records creations and deletions in turn. */
async function record(registry: Registry, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    const id = `p${Math.floor(number / 2) % PROJECTS}`;
    const logId = logIdOf(Math.floor(number / 2));
    if (number % 2 === 0) await registry.record({ op: 'project.created', id, log_id: logId }, CONTEXT);
    else await registry.record({ op: 'project.deleted', id, log_id: logId, last_seq: 1, last_hash: '' }, CONTEXT);
  }
}

const manifests = async (disk: FaultDisk): Promise<number[]> => (await disk.list(`${DATA}/_server`))
  .filter((name) => name.endsWith('.manifest')).map((name) => Number(name.slice(5, 25))).sort((a, b) => a - b);

const manifestOf = (seq: number, part: string): string => `${DATA}/_server/snap-${String(seq).padStart(20, '0')}.${part}`;

test('a snapshot is made every 1,000 lines, two are kept, and startup reads only the lines after the newest', async () => {
  const disk = newDisk();
  const { registry } = await openJournal(disk);
  await record(registry, 0, REGISTRY_SNAPSHOT_LINES - 2);
  assert.deepEqual(await manifests(disk), []);
  await record(registry, REGISTRY_SNAPSHOT_LINES - 1, 3 * REGISTRY_SNAPSHOT_LINES + 4);
  assert.deepEqual(await manifests(disk), [2 * REGISTRY_SNAPSHOT_LINES, 3 * REGISTRY_SNAPSHOT_LINES]);
  const wanted = registry.registrations.save();
  await registry.close();
  const again = await openJournal(disk);
  assert.equal(again.replayed, 5);
  assert.deepEqual(again.registry.registrations.save(), wanted);
  await record(again.registry, 3 * REGISTRY_SNAPSHOT_LINES + 5, 4 * REGISTRY_SNAPSHOT_LINES);
  assert.deepEqual(await manifests(disk), [3 * REGISTRY_SNAPSHOT_LINES, 4 * REGISTRY_SNAPSHOT_LINES]);
  await again.registry.close();
});

test('a damaged snapshot is logged and the one before is used; if both are damaged, the whole log is read', async () => {
  const disk = newDisk();
  const { registry } = await openJournal(disk);
  await record(registry, 0, 2 * REGISTRY_SNAPSHOT_LINES + 1);
  const wanted = registry.registrations.save();
  await registry.close();
  for (const [part, seq, replayed] of [
    ['json', 2 * REGISTRY_SNAPSHOT_LINES, REGISTRY_SNAPSHOT_LINES + 2],
    ['manifest', REGISTRY_SNAPSHOT_LINES, 2 * REGISTRY_SNAPSHOT_LINES + 2],
  ] as const) {
    spoil(disk, manifestOf(seq, part));
    const again = await openJournal(disk.crash());
    assert.equal(again.replayed, replayed);
    assert.ok(again.logged.some(({ level, seq: reported }) => level === 'error' && reported === seq), `${part} is reported`);
    assert.deepEqual(again.registry.registrations.save(), wanted);
    await again.registry.close();
  }
});

test('a snapshot that cannot be made is a warning, and events are still recorded', async () => {
  const disk = newDisk();
  const { registry, logged } = await openJournal(disk);
  disk.fail({ path: /snap-/, times: Infinity, action: { kind: 'errno', code: 'ENOSPC' } });
  await record(registry, 0, REGISTRY_SNAPSHOT_LINES + 9);
  assert.equal(logged.filter(({ level }) => level === 'warn').length, 1);
  const wanted = registry.registrations.save();
  await registry.close();
  const again = await openJournal(disk.crash());
  assert.equal(again.replayed, REGISTRY_SNAPSHOT_LINES + 10);
  assert.deepEqual(again.registry.registrations.save(), wanted);
  await again.registry.close();
});

test('a kill at any call of a snapshot loses no recorded line', async () => {
  const before = newDisk();
  const first = await openJournal(before);
  await record(first.registry, 0, REGISTRY_SNAPSHOT_LINES - 2);
  await first.registry.close();
  const { offset, step } = strideOf(EVERY);
  for (let nth = 1 + offset; ; nth += step) {
    const disk = before.crash();
    const { registry } = await openJournal(disk);
    disk.fail({ path: /_server\/snap-|_server$|_server\.json$/, nth, action: { kind: 'kill', when: 'after' } });
    await record(registry, REGISTRY_SNAPSHOT_LINES - 1, REGISTRY_SNAPSHOT_LINES - 1).catch(() => undefined);
    if (!disk.isKilled) break;
    for (const loss of ['cached', 'synced'] as const) {
      const again = await openJournal(disk.crash({ content: loss, size: loss, names: loss }));
      const { registrations } = again.registry;
      assert.equal(registrations.deletedLogs.size, PROJECTS, `call ${nth}, ${loss}`);
      assert.ok(registrations.deletedLogs.has(logIdOf(REGISTRY_SNAPSHOT_LINES / 2 - 1)), `call ${nth}, ${loss}: the last line`);
      assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), []);
      await again.registry.close();
    }
  }
});

test.run();
