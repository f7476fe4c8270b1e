import assert from 'node:assert/strict';
import type { StorageChange } from '../../../src/events/project-settings.js';
import type { CommandContext, CommandResult } from '../../../src/store/command.js';
import { inFolder } from '../../config/config-folder.js';
import { suite } from '../../suite.js';
import { beginLife, CONTEXT } from '../lives-fixture.js';

const test = suite('moved-requests');

const P = 'first_project';
const MEMORY: StorageChange = { on_disk: false };
const HOT: StorageChange = { on_disk: true, cache_in_memory: true };
const COLD: StorageChange = { on_disk: true, cache_in_memory: false };

test('requests with an idempotency key are known wherever the project is, also after a restart', () => inFolder(async (folder) => {
  const once = (key: string): CommandContext => ({ actor: 'anonymous', requestId: `idem:${key}`, fingerprint: '0'.repeat(16) });
  const first = await beginLife(folder);
  const results: CommandResult[] = [];
  for (const [index, storage] of [HOT, MEMORY, COLD, MEMORY, HOT].entries()) {
    await first.lives.update(P, { storage }, CONTEXT);
    results.push(await first.lives.store(P).submit({ type: 'set', key: `k${index}`, value: '1' }, once(`r${index}`)));
  }
  for (const life of [first, undefined]) {
    if (life === undefined) await first.lives.close();
    const current = life ?? await beginLife(folder);
    for (const [index, { seq, hash }] of results.entries()) {
      const again = await current.lives.store(P).submit({ type: 'set', key: `k${index}`, value: '1' }, once(`r${index}`));
      assert.deepEqual([again.seq, again.hash, again.created, again.isRepeated], [seq, hash, true, true]);
    }
    if (life === undefined) await current.lives.close();
  }
}));

test.run();
