/** A store over a log in files whose calls of the disk fail by a defect of the server. */
import assert from 'node:assert/strict';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { ACTIVE, createLog, emptyDisk, OPTIONS } from '../log/file/log-fixture.js';
import { suite } from '../suite.js';
import { CONTEXT, create, set } from './created-store.js';

const test = suite('store-on-disk');

for (const durability of ['fsync', 'interval', 'os'] as const) {
  test(`under ${durability}, a change of the project whose sync meets a defect is refused, and the writes after it are taken`, async () => {
    const disk = emptyDisk();
    const log = await createLog(disk, { ...OPTIONS, durability, syncIntervalMs: 60_000 });
    const store = new ProjectStore({ log, model: new ProjectModel() });
    await store.submit(create({ durability }), CONTEXT);
    disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EBADF' } });
    const change = { type: 'project.update', change: { storage: { segment_bytes: 8192 } } } as const;
    await assert.rejects(store.submit(change, CONTEXT), { code: 'EBADF' });
    assert.deepEqual([store.seq, log.position().seq, store.logState], [1, 1, 'writable']);
    await store.submit(set('a'), CONTEXT);
    await store.submit(change, CONTEXT);
    assert.deepEqual([store.seq, store.settings.storage.segment_bytes], [3, 8192]);
    await store.close();
  });
}

test.run();
