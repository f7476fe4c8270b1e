/** Switches between memory and disk on a disk that fails at any call: nothing is lost, and the project goes on. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { inFolder } from '../../config/config-folder.js';
import { CHANGING_METHODS, type DiskCall, type Fault, FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import { contentOf } from '../compacted-project.js';
import { killingConfigDisk, KillSwitch } from '../killing-disk.js';
import { beginLife, CONTEXT, type Life, setValue, valuesOf } from '../lives-fixture.js';

const test = suite('move-project.crash');

const P = 'first_project';
/** The short form strikes one call in so many. */
const EVERY = 10;
const MEMORY: StorageChange = { on_disk: false };
const HOT: StorageChange = { on_disk: true, cache_in_memory: true };
const COLD: StorageChange = { on_disk: true, cache_in_memory: false };

async function switchTo({ lives }: Life, storage: StorageChange): Promise<void> {
  await lives.update(P, { storage }, CONTEXT);
}

async function giveValues(life: Life, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) await setValue(life, P, [`k${number}`, JSON.stringify(`value ${number}`)]);
}

/** A life whose logs and snapshots are on a disk in memory, with some values in the storage that a switch begins from. */
async function faultyLife(folder: string, from: StorageChange): Promise<Life & { readonly disk: FaultDisk }> {
  const disk = new FaultDisk();
  disk.tree.makeFolder(path.join(folder, 'data'));
  disk.tree.syncAll();
  // What the configuration's own disk does with failures has its own tests; here its syncs would only take time.
  const life = await beginLife(folder, { disk, configDisk: killingConfigDisk(new KillSwitch()) });
  if (from.on_disk === false) await switchTo(life, from);
  await giveValues(life, 4);
  if (from.on_disk !== false) {
    await life.lives.compact(P, CONTEXT);
    await switchTo(life, from);
    await giveValues(life, 2);
  }
  await disk.settle();
  return { ...life, disk };
}

async function callsOf(from: StorageChange, to: StorageChange, isWanted: (call: DiskCall) => boolean): Promise<readonly number[]> {
  let numbers: readonly number[] = [];
  await inFolder(async (folder) => {
    const life = await faultyLife(folder, from);
    const first = life.disk.calls.length;
    await switchTo(life, to);
    numbers = life.disk.calls.slice(first).filter(isWanted).map(({ number }) => number - first);
    await life.lives.close();
  });
  assert.ok(numbers.length > 0);
  return numbers;
}

const isChanging = ({ method }: DiskCall): boolean => CHANGING_METHODS.includes(method);
const isSync = ({ method }: DiskCall): boolean => method === 'datasync' || method === 'syncFolder';

/** After a switch that may have failed: all is there, wherever the project is now, and after the next start too. */
async function checkSwitched(life: Life & { readonly disk: FaultDisk }, folder: string, content: string): Promise<void> {
  assert.equal(await contentOf(life.lives.store(P)), content, 'at once');
  const isWritable = life.lives.details(P).state === 'serving';
  if (isWritable) await setValue(life, P, ['k0', '"written after"']);
  const wanted = await contentOf(life.lives.store(P));
  const { isOnDisk, settings } = life.lives.store(P);
  await life.lives.close().catch(() => undefined);
  const disk = life.disk.crash();
  const again = await beginLife(folder, { disk, configDisk: killingConfigDisk(new KillSwitch()) });
  assert.equal(again.lives.details(P).state, 'serving');
  assert.ok(again.lives.store(P).isOnDisk === again.lives.store(P).settings.storage.on_disk);
  // What was in memory when its server stopped is gone; everything else is there.
  const isLeft = again.lives.store(P).values.count === 0;
  const mayHaveLeft = !isOnDisk || (!isWritable && !settings.storage.on_disk);
  if (!mayHaveLeft || !isLeft) assert.equal(await contentOf(again.lives.store(P)), wanted, 'after a restart');
  if (isOnDisk && isLeft) assert.equal((await disk.list(path.join(folder, 'data', '_left'))).length, 1, 'its files are kept');
  await setValue(again, P, ['after', '1']);
  await switchTo(again, again.lives.store(P).isOnDisk ? MEMORY : HOT);
  assert.equal((await valuesOf(again, P))['after'], '1');
  await again.lives.close();
}

const WAYS = [['to the disk', MEMORY, HOT], ['from the disk', HOT, MEMORY], ['from the disk, cold,', COLD, MEMORY]] as const;

for (const [way, from, to] of WAYS) {
  for (const [what, action, isStruck] of [
    ['a full disk', { kind: 'errno', code: 'ENOSPC' }, isChanging],
    ['a failed sync', { kind: 'errno', code: 'EIO', carriedOut: true }, isSync],
    ['a call that fails', { kind: 'errno', code: 'EIO' }, (call: DiskCall) => !isSync(call)],
  ] as const satisfies readonly (readonly [string, Fault['action'], (call: DiskCall) => boolean])[]) {
    test(`${what} at any call of a switch ${way} loses nothing, and the project goes on`, async () => {
      for (const nth of sampled(await callsOf(from, to, isStruck), EVERY)) {
        await inFolder(async (folder) => {
          const life = await faultyLife(folder, from);
          const content = await contentOf(life.lives.store(P));
          const number = life.disk.calls.length + nth;
          life.disk.fail({ number, action });
          const failure = await switchTo(life, to).then(() => undefined, (error: unknown) => error);
          const call = life.disk.calls[number - 1];
          try {
            await checkSwitched(life, folder, content);
          } catch (cause) {
            throw new Error(`${call?.method} ${call?.path} (${String(failure)}): ${String(cause)}`, { cause });
          }
        });
      }
    });
  }
}

test.run();
