import assert from 'node:assert/strict';
import { isGuardedChange } from '../../../../src/http/routes/projects/guarded-change.js';
import { suite } from '../../../suite.js';

const test = suite('guarded-change');

test('isGuardedChange() lets a project change what concerns only itself', () => {
  for (const change of [
    { storage: { on_disk: false } },
    { storage: { cache_in_memory: true } },
    { authentication: { enabled: false } },
    {},
  ]) {
    assert.equal(isGuardedChange(change, false), false);
  }
  assert.equal(isGuardedChange({ storage: { cache_in_memory: true } }, true), false);
});

test('isGuardedChange() guards the other storage settings always, and more on an open project', () => {
  for (const open of [false, true]) {
    assert.equal(isGuardedChange({ storage: { durability: 'os' } }, open), true);
    assert.equal(isGuardedChange({ storage: { on_disk: true, segment_bytes: 4096 } }, open), true);
    assert.equal(isGuardedChange({ storage: { sync_interval_ms: 1 } }, open), true);
    assert.equal(isGuardedChange({ storage: { compaction: { interval_seconds: 0 } } }, open), true);
    assert.equal(isGuardedChange({ storage: { cache_in_memory: true, retention: { max_bytes: 0 } } }, open), true);
  }
  assert.equal(isGuardedChange({ authentication: { enabled: true } }, true), true);
  assert.equal(isGuardedChange({ storage: { on_disk: true } }, true), true);
});

test.run();
