import assert from 'node:assert/strict';
import type { EntryView } from '../../src/config/effective-settings.js';
import { historyOf, type ProjectHistory } from '../../src/config/project-history.js';
import { mustRefuseToStart, reconcile, type LogView, type Outcome } from '../../src/config/reconcile.js';
import {
  BUILT_IN_SETTINGS, BUILT_IN_STORAGE, diffSettings, mergeSettings, type ProjectSettings, type StorageSettings,
} from '../../src/events/project-settings.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('reconcile');

const REGISTERED = { logId: '0123456789abcdef0123456789abcdef' };
const IN_MEMORY = { kind: 'memory', isStale: false };
const [KEY_A, KEY_B, KEY_C] = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb', 'cccccccccccccccc'] as const;

function settingsWith(storage: Partial<StorageSettings> = {}): ProjectSettings {
  return { ...BUILT_IN_SETTINGS, storage: { ...BUILT_IN_STORAGE, ...storage } };
}

/** The project was created at 1, its durability became `os` at 4, its segments 4096 bytes at 9. */
const CREATED = settingsWith();
const SECOND = settingsWith({ durability: 'os' });
const NEWEST = settingsWith({ durability: 'os', segment_bytes: 4096 });
const HISTORY: ProjectHistory = historyOf([
  { seq: 1, settings: CREATED, keyId: KEY_A },
  { seq: 4, settings: SECOND, keyId: KEY_A },
  { seq: 9, settings: NEWEST, keyId: KEY_A },
]);

function entry(settings: ProjectSettings, rest: Partial<Omit<EntryView, 'settings'>> = {}): EntryView {
  return { id: 'alpha', revision: undefined, keyId: KEY_A, settings, ...rest };
}

function logView(rest: Partial<LogView> = {}): LogView {
  return { registered: REGISTERED, hasRegistry: true, log: HISTORY, ...rest };
}

const against = (view: EntryView, rest: Partial<LogView> = {}): Outcome => reconcile(view, logView(rest));

function reasonOf(outcome: Outcome): string {
  assert.equal(outcome.kind, 'refuse');
  return outcome.reason;
}

function remedyOf(outcome: Outcome): string {
  assert.equal(outcome.kind, 'refuse');
  return outcome.whatToDo;
}

test('an entry that equals the newest version is done', () => {
  assert.deepEqual(against(entry(NEWEST, { revision: 9 })), { kind: 'done' });
});

test('an entry that equals the newest version is done, whatever older revision it names', () => {
  for (const revision of [undefined, 1, 4, 6]) assert.deepEqual(against(entry(NEWEST, { revision })), { kind: 'done' }, String(revision));
});

test('a crash between log and file of an update: the entry is stale and takes the settings of the log', () => {
  assert.deepEqual(against(entry(SECOND, { revision: 4 })), { kind: 'roll_forward', settings: NEWEST });
});

test('an entry of a version that the log no longer has is refused, unless it equals the settings in force', () => {
  const log = historyOf([{ seq: 1, settings: CREATED, keyId: KEY_A }, { seq: 90, settings: NEWEST, keyId: KEY_A }], { isTrimmed: true });
  for (const settings of [CREATED, SECOND]) {
    const refused = against(entry(settings, { revision: 40 }), { log });
    assert.match(reasonOf(refused), /revision 40.*an edit cannot be distinguished from an old copy$/);
    assert.match(remedyOf(refused), /set its revision to 90/);
  }
  assert.deepEqual(against(entry(NEWEST, { revision: 40 }), { log }), { kind: 'done' });
  assert.equal(against(entry(NEWEST, { revision: 40, keyId: KEY_B }), { log }).kind, 'edited');
  assert.equal(against(entry(SECOND, { revision: 90 }), { log }).kind, 'edited', 'what is advised is done');
});

test('an entry of a version that was looked up in the log is stale, or edited where it differs from it', () => {
  const versions = [{ seq: 1, settings: CREATED, keyId: KEY_A }, { seq: 90, settings: NEWEST, keyId: KEY_A }];
  const log = historyOf(versions, { isTrimmed: true, recalled: { seq: 40, settings: SECOND, keyId: KEY_A } });
  assert.deepEqual(against(entry(SECOND, { revision: 40 }), { log }), { kind: 'roll_forward', settings: NEWEST });
  const edited = settingsWith({ durability: 'os', cache_in_memory: false });
  const outcome = against(entry(edited, { revision: 40 }), { log });
  assert.ok(outcome.kind === 'edited');
  assert.deepEqual(outcome.names, ['storage.cache_in_memory']);
});

test('an entry without a revision that equals the created version is stale', () => {
  assert.deepEqual(against(entry(CREATED)), { kind: 'roll_forward', settings: NEWEST });
});

test('a revision between two project events means the version in force there', () => {
  assert.deepEqual(against(entry(SECOND, { revision: 8 })), { kind: 'roll_forward', settings: NEWEST });
  assert.deepEqual(against(entry(CREATED, { revision: 3 })), { kind: 'roll_forward', settings: NEWEST });
});

test("a stale copy of the file with an older key: the settings are the log's, the key is the file's", () => {
  assert.deepEqual(against(entry(CREATED, { revision: 1, keyId: KEY_B })), { kind: 'roll_forward', settings: NEWEST, keyId: KEY_B });
  assert.deepEqual(against(entry(CREATED, { revision: 1, keyId: null })), { kind: 'roll_forward', settings: NEWEST, keyId: null });
});

test('an edit of a current entry', () => {
  const settings = settingsWith({ durability: 'os', segment_bytes: 8192 });
  const expected: Outcome = { kind: 'edited', settings, names: ['storage.segment_bytes'], keyChanged: false };
  assert.deepEqual(against(entry(settings, { revision: 9 })), expected);
});

test('an edit of a stale entry: the change is applied on top of the newest version', () => {
  const edited = settingsWith({ durability: 'os', sync_interval_ms: 7 });
  assert.deepEqual(against(entry(edited, { revision: 4 })), {
    kind: 'edited',
    settings: settingsWith({ durability: 'os', segment_bytes: 4096, sync_interval_ms: 7 }),
    names: ['storage.sync_interval_ms'],
    keyChanged: false,
  });
});

test('an edit of a setting that the log changed too: the edit wins', () => {
  const edited = settingsWith({ durability: 'os', segment_bytes: 16_384 });
  const expected: Outcome = { kind: 'edited', settings: edited, names: ['storage.segment_bytes'], keyChanged: false };
  assert.deepEqual(against(entry(edited, { revision: 4 })), expected);
});

test('an edit of a stale entry to the setting of the log: the rest rolls forward', () => {
  const edited = settingsWith({ durability: 'os' });
  assert.deepEqual(against(entry(edited, { revision: 1 })), { kind: 'roll_forward', settings: NEWEST });
});

test('an edit that switches authentication off', () => {
  const settings: ProjectSettings = { ...NEWEST, authentication: { enabled: false, save_api_key_to_file: false } };
  const expected: Outcome = { kind: 'edited', settings, names: ['authentication.enabled'], keyChanged: false };
  assert.deepEqual(against(entry(settings, { revision: 9 })), expected);
});

test('a typed key, or a crash between file and log of a regenerate, is an edit of the key alone', () => {
  const expected: Outcome = { kind: 'edited', settings: NEWEST, names: [], keyChanged: true };
  assert.deepEqual(against(entry(NEWEST, { revision: 9, keyId: KEY_B })), expected);
  assert.deepEqual(against(entry(NEWEST, { revision: 9, keyId: null })), expected);
});

test('an edit of settings and key at once is one outcome', () => {
  const settings = settingsWith({ durability: 'interval', segment_bytes: 4096 });
  const expected: Outcome = { kind: 'edited', settings, names: ['storage.durability'], keyChanged: true };
  assert.deepEqual(against(entry(settings, { revision: 9, keyId: KEY_C })), expected);
});

test('a revision above the newest version is refused, even when everything else fits', () => {
  const refused = against(entry(NEWEST, { revision: 10 }));
  assert.match(reasonOf(refused), /revision 10/);
  assert.match(reasonOf(refused), /older copy/);
  assert.match(remedyOf(refused), /^restore the newer files.*remove the revision/);
});

test('a log that begins after seq 1 is compared from its first version', () => {
  const log = historyOf([{ seq: 100, settings: CREATED, keyId: KEY_A }, { seq: 120, settings: SECOND, keyId: KEY_A }]);
  for (const revision of [undefined, 1, 100, 119]) {
    assert.deepEqual(against(entry(CREATED, { revision }), { log }), { kind: 'roll_forward', settings: SECOND }, String(revision));
  }
});

test('an unknown id is a new project', () => {
  assert.deepEqual(against(entry(CREATED), { registered: undefined, log: 'absent' }), { kind: 'create' });
  assert.deepEqual(against(entry(CREATED), { registered: undefined, log: 'absent', hasRegistry: false }), { kind: 'create' });
});

test('a crash between a new log and its registration: the log is adopted, then compared', () => {
  const log = historyOf([{ seq: 1, settings: CREATED, keyId: KEY_A }]);
  assert.deepEqual(against(entry(CREATED), { registered: undefined, log }), { kind: 'adopt', then: { kind: 'done' } });
  assert.deepEqual(against(entry(SECOND), { registered: undefined, log }), {
    kind: 'adopt',
    then: { kind: 'edited', settings: SECOND, names: ['storage.durability'], keyChanged: false },
  });
  const tooNew = against(entry(CREATED, { revision: 2 }), { registered: undefined, log });
  assert.equal(tooNew.kind === 'adopt' && tooNew.then.kind, 'refuse');
});

test('an id whose registered log is missing is refused: the volume may not be mounted', () => {
  for (const revision of [undefined, 9]) {
    const refused = against(entry(NEWEST, { revision }), { log: 'absent' });
    assert.match(reasonOf(refused), /is the volume mounted\?/);
    assert.match(remedyOf(refused), /^mount the volume, or restore the files from a backup.*Only if they are lost permanently: delete/);
  }
});

test('a revision whose log is neither registered nor present is refused, with advice', () => {
  const refused = against(entry(NEWEST, { revision: 9 }), { registered: undefined, log: 'absent' });
  assert.match(reasonOf(refused), /is the volume mounted\?/);
  assert.match(remedyOf(refused), /^mount the volume, or restore the files from a backup.*remove the revision/);
});

test('a revision without a registry is refused, whatever else exists', () => {
  for (const log of ['absent', HISTORY] as const) {
    const outcome = against(entry(NEWEST, { revision: 9 }), { registered: undefined, log, hasRegistry: false });
    assert.match(reasonOf(outcome), /_server\.jsonl/);
  }
});

test('an entry with the revision of a deleted project is not served', () => {
  assert.deepEqual(against(entry(NEWEST, { revision: 9 }), { registered: 'deleted', log: 'absent' }), { kind: 'deleted' });
  const inMemory = entry(settingsWith({ on_disk: false }), { revision: 9 });
  assert.deepEqual(against(inMemory, { registered: 'deleted', log: 'absent' }), { kind: 'deleted' });
});

test('an entry without a revision uses the id of a deleted project again', () => {
  assert.deepEqual(against(entry(CREATED), { registered: 'deleted', log: 'absent' }), { kind: 'create' });
  const log = historyOf([{ seq: 1, settings: CREATED, keyId: KEY_A }]);
  assert.deepEqual(against(entry(CREATED), { registered: 'deleted', log }), { kind: 'adopt', then: { kind: 'done' } });
  assert.deepEqual(against(entry(settingsWith({ on_disk: false })), { registered: 'deleted', log: 'absent' }), IN_MEMORY);
});

test('a project in memory has nothing to compare with', () => {
  assert.deepEqual(against(entry(settingsWith({ on_disk: false })), { registered: undefined, log: 'absent' }), IN_MEMORY);
});

test('moving a project to memory is an edit like any other, on top of the newest version', () => {
  const settings = { ...NEWEST, storage: { ...NEWEST.storage, on_disk: false } };
  const names = ['storage.on_disk'];
  for (const view of [entry(settingsWith({ on_disk: false })), entry(settings, { revision: 9 })]) {
    assert.deepEqual(against(view), { kind: 'edited', settings, names, keyChanged: false });
  }
});

test('a log that moves the project to memory overrides a stale entry', () => {
  const settings = { ...NEWEST, storage: { ...NEWEST.storage, on_disk: false } };
  const log = historyOf([{ seq: 9, settings: NEWEST, keyId: KEY_A }, { seq: 11, settings, keyId: KEY_A }]);
  assert.deepEqual(against(entry(NEWEST, { revision: 9 }), { log }), { kind: 'roll_forward', settings });
});

test('a project that was moved to memory is in memory, and an entry from before that is stale', () => {
  const left = { registered: 'left', log: 'absent' } as const;
  for (const onDisk of [true, false]) {
    const view = entry(settingsWith({ on_disk: onDisk }), { revision: 9 });
    assert.deepEqual(against(view, left), { kind: 'memory', isStale: true });
  }
  assert.deepEqual(against(entry(settingsWith({ on_disk: false })), left), IN_MEMORY);
});

test('an entry without a revision moves a project back to disk, with a new log or one that a crash left', () => {
  assert.deepEqual(against(entry(CREATED), { registered: 'left', log: 'absent' }), { kind: 'create' });
  const log = historyOf([{ seq: 12, settings: CREATED, keyId: KEY_A }]);
  assert.deepEqual(against(entry(CREATED), { registered: 'left', log }), { kind: 'adopt', then: { kind: 'done' } });
});

test('edits of two members of one group, in the file and in the log, both apply', () => {
  const retaining = (retention: Partial<StorageSettings['retention']>): ProjectSettings =>
    settingsWith({ retention: { ...BUILT_IN_STORAGE.retention, ...retention } });
  const log = historyOf([{ seq: 1, settings: CREATED, keyId: KEY_A }, { seq: 4, settings: retaining({ max_bytes: 7 }), keyId: KEY_A }]);
  const edited = against(entry(retaining({ compress: 'gzip' }), { revision: 1 }), { log });
  const settings = retaining({ max_bytes: 7, compress: 'gzip' });
  assert.deepEqual(edited, { kind: 'edited', settings, names: ['storage.retention'], keyChanged: false });
});

test('a project in memory with a revision is refused: it was on disk somewhere', () => {
  const outcome = against(entry(settingsWith({ on_disk: false }), { revision: 9 }), { registered: undefined, log: 'absent' });
  assert.match(reasonOf(outcome), /revision 9 of a log that the registry does not know/);
  assert.match(remedyOf(outcome), /^set storage\.on_disk to true again.*remove the revision/);
});

test('reasons name the project; reasons and advice end without a full stop', () => {
  const outcomes = [
    against(entry(NEWEST, { revision: 10 })),
    against(entry(NEWEST, { revision: 9 }), { log: 'absent' }),
    against(entry(settingsWith({ on_disk: false }), { revision: 1 }), { registered: undefined }),
    against(entry(NEWEST, { revision: 9 }), { hasRegistry: false }),
  ];
  for (const outcome of outcomes) {
    assert.match(reasonOf(outcome), /"alpha".*[^.]$/);
    assert.match(remedyOf(outcome), /[^.]$/);
  }
});

test('a missing log and an older copy of a log have refusals of their own', () => {
  const codeOf = (outcome: Outcome): unknown => ('code' in outcome ? outcome.code : undefined);
  assert.equal(codeOf(against(entry(NEWEST, { revision: 9 }), { log: 'absent' })), 'project_missing');
  assert.equal(codeOf(against(entry(NEWEST, { revision: 10 }))), 'project_outdated');
});

test('a server whose entries have revisions does not start without its registry', () => {
  const configPath = '/etc/simple kv.json';
  assert.equal(mustRefuseToStart([{ revision: undefined }, { revision: 3 }], true, configPath), undefined);
  assert.equal(mustRefuseToStart([{ revision: undefined }], false, configPath), undefined);
  assert.equal(mustRefuseToStart([], false, configPath), undefined);
  const error = mustRefuseToStart([{ revision: undefined }, { revision: 3 }], false, configPath);
  assert.deepEqual([error?.pointer, error?.found], ['/projects/1/revision', '3']);
  assert.match(error?.message ?? '', /_server\.jsonl.*is the volume mounted/);
  assert.match(error?.message ?? '', /"simplekv repair _server --config '\/etc\/simple kv\.json'"/);
});

/** Objects as literals make them, since a comparison is strict about prototypes. */
const PLAIN = { noNullPrototype: true } as const;

const settingsArbitrary: fc.Arbitrary<ProjectSettings> = fc.record({
  storage: fc.record({
    on_disk: fc.constant(true),
    cache_in_memory: fc.boolean(),
    durability: fc.constantFrom('fsync', 'interval', 'os'),
    sync_interval_ms: fc.constantFrom(1, 2, 3),
    segment_bytes: fc.constantFrom(4096, 8192),
    compaction: fc.record({ interval_seconds: fc.constantFrom(0, 300) }, PLAIN),
    retention: fc.record({
      max_age_seconds: fc.constantFrom(null, 60),
      max_bytes: fc.constantFrom(null, 0),
      compress: fc.constantFrom('none', 'gzip'),
    }, PLAIN),
    readable_snapshot: fc.boolean(),
  }, PLAIN),
  authentication: fc.record({ enabled: fc.boolean(), save_api_key_to_file: fc.boolean() }, PLAIN),
  quota: fc.record({
    max_keys: fc.constantFrom(null, 10), max_bytes: fc.constantFrom(null, 0), reads_per_second: fc.constantFrom(null, 1),
    writes_per_second: fc.constantFrom(null, 2),
  }, PLAIN),
}, PLAIN);
const keyArbitrary = fc.constantFrom(KEY_A, KEY_B, null);
const versionsArbitrary = fc
  .array(fc.record({ step: fc.integer({ min: 1, max: 3 }), settings: settingsArbitrary, keyId: keyArbitrary }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((list) => {
    let seq = 0;
    return list.map(({ step, settings, keyId }) => ({ seq: (seq += step), settings, keyId }));
  });

const caseArbitrary = fc.record({
  versions: versionsArbitrary,
  settings: settingsArbitrary,
  keyId: keyArbitrary,
  at: fc.option(fc.nat(12), { nil: undefined }),
});

test("carrying out any outcome makes file and log agree, and only a person's changes reach the log", () => {
  const property = fc.property(caseArbitrary, ({ versions, settings, keyId, at }) => {
    const log = historyOf(versions);
    const revision = at === undefined ? undefined : 1 + (at % log.newest.seq);
    const outcome = reconcile(entry(settings, { revision, keyId }), logView({ log }));
    assert.ok(outcome.kind === 'done' || outcome.kind === 'roll_forward' || outcome.kind === 'edited', outcome.kind);
    const after = outcome.kind === 'done' ? settings : outcome.settings;
    const base = (revision === undefined ? undefined : log.at(revision)) ?? log.first;
    assert.ok(base !== 'unknown');
    // The three-way rule, member by member: what the entry changed holds, everything else is the log's.
    assert.deepEqual(after, mergeSettings(log.newest.settings, diffSettings(base.settings, settings).change));
    if (outcome.kind !== 'edited') assert.deepEqual(after, log.newest.settings);
    const namesKey = outcome.kind === 'edited' ? outcome.keyChanged : outcome.kind === 'roll_forward' && 'keyId' in outcome;
    assert.equal(namesKey, keyId !== log.newest.keyId);
    const next = { seq: log.newest.seq + 1, settings: after, keyId };
    const settled = reconcile(entry(after, { revision: next.seq, keyId }), logView({ log: historyOf([...versions, next]) }));
    assert.deepEqual(settled, { kind: 'done' });
  });
  fc.assert(property);
});

test.run();
