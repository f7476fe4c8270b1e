import assert from 'node:assert/strict';
import {
  decodeEvent, decodeSetIn, encodeEvent, EVENT_FIELDS, PROJECT_OPERATIONS, SERVER_OPERATIONS, UnknownEventError,
} from '../../src/events/codec.js';
import type { AnyEvent, KeySet, SetBytes } from '../../src/events/event.js';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_SETTINGS, BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { arbitraryEvent, arbitraryKey, arbitraryValue } from './arbitrary-events.js';

const test = suite('codec');

const LOG_ID = '0123456789abcdef0123456789abcdef';
const KEY_ID = '0123456789abcdef';
const HASH = 'ab'.repeat(32);
const TIME = '2026-11-22T10:00:00.000Z';
const SETTINGS = BUILT_IN_SETTINGS;
const PLAIN_STORAGE_TEXT = '{"on_disk":true,"cache_in_memory":true,"durability":"fsync","sync_interval_ms":100,"segment_bytes":67108864}';
const COMPACTION_TEXT = '"compaction":{"interval_seconds":300}';
const RETENTION_TEXT = '"retention":{"max_age_seconds":null,"max_bytes":null,"compress":"none"}';
const STORAGE_TEXT = PLAIN_STORAGE_TEXT.replace('}', `,${COMPACTION_TEXT},${RETENTION_TEXT}}`);
const AUTHENTICATION_TEXT = '{"enabled":true,"save_api_key_to_file":false}';
const SETTINGS_TEXT = `{"storage":${STORAGE_TEXT},"authentication":${AUTHENTICATION_TEXT}}`;

/** One event of each operation, and its permanent text. */
const GOLDEN: readonly (readonly [AnyEvent, string])[] = [
  [{ op: 'project.create', settings: SETTINGS, key_id: KEY_ID }, `"settings":${SETTINGS_TEXT},"key_id":"${KEY_ID}"`],
  [{ op: 'project.update', settings: SETTINGS, key_id: null }, `"settings":${SETTINGS_TEXT},"key_id":null`],
  [{ op: 'project.key', settings: SETTINGS, key_id: KEY_ID }, `"settings":${SETTINGS_TEXT},"key_id":"${KEY_ID}"`],
  [{ op: 'set', key: 'user/1', value: '{"n":1.0}' }, '"key":"user/1","value":{"n":1.0}'],
  [{ op: 'delete', key: 'é"\\\u2028\u{1f600}' }, '"key":"é\\"\\\\\u2028\u{1f600}"'],
  [
    { op: 'set.until', expires_at: '2026-11-28T15:00:00.000Z', key: 'a"', value: '[1.0, ",\\"value\\":"]' },
    '"expires_at":"2026-11-28T15:00:00.000Z","key":"a\\"","value":[1.0, ",\\"value\\":"]',
  ],
  [{ op: 'touch', expires_at: null, key: 'ü' }, '"expires_at":null,"key":"ü"'],
  [{ op: 'expire', keys: ['a', 'ü"'] }, '"keys":["a","ü\\""]'],
  [{ op: 'clear', count: 0 }, '"count":0'],
  [
    { op: 'clear.range', prefix: 'é"', start: null, end: 'ü', count: 2 },
    '"prefix":"é\\"","start":null,"end":"ü","count":2',
  ],
  [
    { op: 'batch', ops: [{ op: 'set', key: 'a"', value: '[1.0, "]}"]' }, { op: 'delete', key: 'ü' }] },
    '"ops":[{"op":"set","key":"a\\"","value":[1.0, "]}"]},{"op":"delete","key":"ü"}]',
  ],
  [
    { op: 'redact', reason: 'why', lines: [{ seq: 4, digest: HASH, bytes: 60, left: { expires_at: 'x', key: 'a"' } }] },
    `"reason":"why","lines":[{"seq":4,"digest":"${HASH}","bytes":60,"left":{"expires_at":"x","key":"a\\""}}]`,
  ],
  [
    { op: 'redact', reason: 'why', lines: [{ seq: 4, digest: null, bytes: null, left: { key: 'a' } }], base: { old: HASH, new: HASH } },
    `"reason":"why","lines":[{"seq":4,"digest":null,"bytes":null,"left":{"key":"a"}}],"base":{"old":"${HASH}","new":"${HASH}"}`,
  ],
  [{ op: 'project.created', id: 'alpha', log_id: LOG_ID }, `"id":"alpha","log_id":"${LOG_ID}"`],
  [
    { op: 'project.deleted', id: 'alpha', log_id: LOG_ID, last_seq: 7, last_hash: HASH },
    `"id":"alpha","log_id":"${LOG_ID}","last_seq":7,"last_hash":"${HASH}"`,
  ],
  [{ op: 'config.edited', scope: 'default', changed: ['limits'], key_id: null }, '"scope":"default","changed":["limits"],"key_id":null'],
  [
    { op: 'project.left', id: 'alpha', log_id: LOG_ID, last_seq: 7, last_hash: HASH },
    `"id":"alpha","log_id":"${LOG_ID}","last_seq":7,"last_hash":"${HASH}"`,
  ],
  [
    {
      op: 'project.repaired',
      id: 'alpha',
      log_id: LOG_ID,
      previous_log_id: '',
      last_seq: 7,
      last_hash: HASH,
      dropped_bytes: 9,
      copy: '_repair/alpha',
    },
    `"id":"alpha","log_id":"${LOG_ID}","previous_log_id":"","last_seq":7,"last_hash":"${HASH}","dropped_bytes":9,"copy":"_repair/alpha"`,
  ],
  [
    { op: 'access.add', key_id: KEY_ID, name: 'wall', permissions: ['history', 'read'], not_before: null, expires_at: TIME },
    `"key_id":"${KEY_ID}","name":"wall","permissions":["history","read"],"not_before":null,"expires_at":"${TIME}"`,
  ],
  [{ op: 'access.change', key_id: KEY_ID, name: 'wall', expires_at: null }, `"key_id":"${KEY_ID}","name":"wall","expires_at":null`],
  [{ op: 'access.remove', key_id: KEY_ID }, `"key_id":"${KEY_ID}"`],
  [
    {
      op: 'access.rotate', key_id: KEY_ID, name: 'wall', permissions: ['all'], not_before: TIME, expires_at: null,
      previous_key_id: 'fedcba9876543210', previous_expires_at: TIME,
    },
    `"key_id":"${KEY_ID}","name":"wall","permissions":["all"],"not_before":"${TIME}","expires_at":null,`
      + `"previous_key_id":"fedcba9876543210","previous_expires_at":"${TIME}"`,
  ],
  [
    {
      op: 'project.restored', id: 'alpha', log_id: LOG_ID, last_seq: 7, last_hash: HASH, backup_time: '2026-11-22T10:00:00.000Z',
    },
    `"id":"alpha","log_id":"${LOG_ID}","last_seq":7,"last_hash":"${HASH}","backup_time":"2026-11-22T10:00:00.000Z"`,
  ],
  [
    { op: 'snapshot.committed', id: 'alpha', log_id: LOG_ID, last_seq: 9, key_count: 2, bytes: 30, sha256: HASH, duration_ms: 4 },
    `"id":"alpha","log_id":"${LOG_ID}","last_seq":9,"key_count":2,"bytes":30,"sha256":"${HASH}","duration_ms":4`,
  ],
  [
    { op: 'segment.removed', id: 'alpha', log_id: LOG_ID, first_seq: 1, last_seq: 7, bytes: 4096, sha256: HASH },
    `"id":"alpha","log_id":"${LOG_ID}","first_seq":1,"last_seq":7,"bytes":4096,"sha256":"${HASH}"`,
  ],
];

function assertRefused(op: string, body: string): void {
  assert.throws(() => decodeEvent(op, body), UnknownEventError, `${op}: ${body}`);
}

for (const [event, body] of GOLDEN) {
  test(`${event.op}${'base' in event ? ' with a base' : ''} has exactly this text, and decodes to the same event`, () => {
    const later = ['batch', 'clear.range', 'set.until', 'touch', 'expire', 'project.restored', 'redact'];
    const isLater = later.includes(event.op) || event.op.startsWith('access.');
    assert.deepEqual(encodeEvent(event), { op: event.op, body, format: isLater ? 2 : 1 });
    assert.deepEqual(decodeEvent(event.op, body), event);
  });
}

test('no field of an operation has the name of a field of every line', () => {
  const ofEveryLine = ['seq', 'time', 'op', 'actor', 'request', 'durable', 'salt', 'hash'];
  const clashes = Object.values(EVENT_FIELDS).flat().filter((field) => ofEveryLine.includes(field));
  assert.deepEqual(clashes, []);
});

test('events of API keys are refused unless they name a key, and permissions in their order', () => {
  const rest = '"not_before":null,"expires_at":null';
  assertRefused('access.remove', '"key_id":null');
  assertRefused('access.add', `"key_id":"${KEY_ID}","name":"a","permissions":["read","history"],${rest}`);
  assertRefused('access.add', `"key_id":"${KEY_ID}","name":"a","permissions":["fly"],${rest}`);
  assertRefused('access.add', `"key_id":"${KEY_ID}","name":"a","permissions":[],${rest}`);
  assertRefused('access.add', `"key_id":"${KEY_ID}","name":"","permissions":["read"],${rest}`);
  assertRefused('access.change', `"key_id":"${KEY_ID}","name":"a","expires_at":"2027-01-31"`);
});

test('both the log of a project and the registry can have the events of API keys', () => {
  for (const op of ['access.add', 'access.change', 'access.remove', 'access.rotate']) {
    assert.ok(PROJECT_OPERATIONS.includes(op) && SERVER_OPERATIONS.includes(op), op);
  }
  assert.deepEqual(PROJECT_OPERATIONS.filter((op) => SERVER_OPERATIONS.includes(op)).length, 4);
});

test('every operation of the table has an example here', () => {
  assert.deepEqual([...new Set(GOLDEN.map(([{ op }]) => op))].sort(), Object.keys(EVENT_FIELDS).sort());
});

test('every event survives a round trip, whatever its keys and values', () => {
  fc.assert(fc.property(arbitraryEvent, (event) => {
    const { op, body } = encodeEvent(event);
    assert.deepEqual(decodeEvent(op, body), event);
  }));
});

test('the text of an event is JSON members on one line', () => {
  fc.assert(fc.property(arbitraryEvent, (event) => {
    const { body } = encodeEvent(event);
    assert.doesNotThrow(() => JSON.parse(`{${body}}`));
    assert.doesNotMatch(body, /[\r\n]/);
  }));
});

test('keys that contain parts of a line do not confuse the parsing', () => {
  for (const key of [
    ',"value":', '","value":', '\\","value":1', 'a,', '"', '\\', ',"hash":"', ',"salt":', '\u2028', '\u{1f600}', '\\u002c"value":',
  ]) {
    for (const value of ['1', '"x,\\"value\\":"', `{"a":1,"value":2}`, JSON.stringify(key)]) {
      assert.deepEqual(decodeEvent('set', encodeEvent({ op: 'set', key, value }).body), { op: 'set', key, value });
    }
  }
});

test('the text of a value is neither parsed nor printed', () => {
  fc.assert(fc.property(arbitraryKey, arbitraryValue, (key, value) => {
    const { body } = encodeEvent({ op: 'set', key, value });
    assert.ok(body.endsWith(`,"value":${value}`));
    assert.deepEqual(decodeEvent('set', body), { op: 'set', key, value });
  }));
});

function plain({ op, key, value }: KeySet): KeySet {
  return { op, key, value };
}

function textsIn({ bytes, start, end, valueStart, valueEnd }: SetBytes): readonly string[] {
  return [bytes.toString('ascii', start, end), bytes.toString('utf8', valueStart, valueEnd)];
}

test('from its bytes a set is decoded as from its text, or left to it', () => {
  let decoded = 0;
  const changes = fc.array(fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) }), { maxLength: 2 });
  fc.assert(fc.property(arbitraryKey, arbitraryValue, changes, (key, value, changed) => {
    const { body } = encodeEvent({ op: 'set', key, value });
    const bytes = Buffer.from(`,${body},"hash":"`);
    const end = 1 + Buffer.byteLength(body);
    for (const { at, to } of changed) bytes.writeUInt8(to, 1 + (at % (end - 1)));
    const event = decodeSetIn({ bytes, start: 1, end });
    if (event === undefined) return;
    decoded += 1;
    assert.deepEqual(plain(event), decodeEvent('set', bytes.toString('utf8', 1, end)));
    if (event.bytes !== undefined) assert.deepEqual(textsIn(event.bytes), [event.key, event.value]);
  }));
  assert.ok(decoded > 0);
});

test('from its bytes a set with a plain key is always decoded, and never from the bytes after it', () => {
  const of = (text: string, more = ''): KeySet | undefined => {
    const event = decodeSetIn({ bytes: Buffer.from(text + more), start: 0, end: Buffer.byteLength(text) });
    return event && plain(event);
  };
  assert.equal(of('"key":"\\u2028","value":1'), undefined);
  assert.deepEqual(of('"key":"Zoë","value":[1.0]'), { op: 'set', key: 'Zoë', value: '[1.0]' });
  for (const cut of ['"key":"a","value":', '"key":"a', '"key":"a"', '"key":"a","value"']) {
    assert.equal(of(cut, '"key":"a","value":1'.slice(cut.length)), undefined, cut);
  }
  assert.equal(of('"key":"","value":1'), undefined);
});

test('a value nested a hundred thousand levels deep is accepted', () => {
  const value = '['.repeat(100_000) + ']'.repeat(100_000);
  assert.deepEqual(decodeEvent('set', encodeEvent({ op: 'set', key: 'deep', value }).body), { op: 'set', key: 'deep', value });
});

test('an unknown operation is rejected by name', () => {
  for (const op of ['batch', 'expire', 'Set', '', 'constructor', '__proto__', 'project', 'project.create ']) {
    assert.throws(() => decodeEvent(op, '"key":"a"'), (error) => error instanceof UnknownEventError && error.message.includes(`"${op}"`));
  }
});

test('an additional field is rejected', () => {
  for (const [{ op }, body] of GOLDEN) {
    assertRefused(op, `"more":1,${body}`);
    // Text after a value cannot be distinguished from the value without parsing it, so an extra field of `set` can only precede the key.
    if (op !== 'set' && op !== 'set.until') assertRefused(op, `${body},"more":1`);
  }
});

test('an operation inside the fields is rejected', () => {
  for (const [{ op }, body] of GOLDEN) assertRefused(op, `"op":"${op}",${body}`);
});

test('a missing field is rejected', () => {
  for (const [event] of GOLDEN) {
    for (const missing of EVENT_FIELDS[event.op]) {
      // The only field that a line may lack.
      if (event.op === 'redact' && missing === 'base') continue;
      const members = Object.entries(event).filter(([name]) => name !== 'op' && name !== missing);
      assertRefused(event.op, members.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join(','));
    }
  }
});

test('fields in another order are rejected', () => {
  for (const [event] of GOLDEN) {
    const fields: readonly string[] = EVENT_FIELDS[event.op];
    const members: Readonly<Record<string, unknown>> = { ...event };
    if (fields.length > 1) {
      assertRefused(event.op, [...fields].reverse().map((name) => `"${name}":${JSON.stringify(members[name])}`).join(','));
    }
  }
});

test('the members of settings have one order, however the settings were built', () => {
  const { storage, authentication, quota } = SETTINGS;
  const reversed = {
    quota: Object.fromEntries(Object.entries(quota).reverse()) as unknown as typeof quota,
    authentication: Object.fromEntries(Object.entries(authentication).reverse()) as unknown as typeof authentication,
    storage: Object.fromEntries(Object.entries(storage).reverse()) as unknown as typeof storage,
  };
  const event = { op: 'project.update', settings: reversed, key_id: null } as const;
  assert.equal(encodeEvent(event).body, `"settings":${SETTINGS_TEXT},"key_id":null`);
  assertRefused('project.update', `"settings":{"authentication":${AUTHENTICATION_TEXT},"storage":${STORAGE_TEXT}},"key_id":null`);
});

test('a line from before snapshots existed is read with the built-in compaction and retention', () => {
  const before = `{"storage":${PLAIN_STORAGE_TEXT},"authentication":${AUTHENTICATION_TEXT}}`;
  const own = before.replace('67108864', '4096').replace('"fsync"', '"os"');
  for (const op of ['project.create', 'project.update', 'project.key'] as const) {
    assert.deepEqual(decodeEvent(op, `"settings":${before},"key_id":"${KEY_ID}"`), { op, settings: SETTINGS, key_id: KEY_ID });
    const settings = { ...SETTINGS, storage: { ...BUILT_IN_STORAGE, durability: 'os', segment_bytes: 4096 } };
    assert.deepEqual(decodeEvent(op, `"settings":${own},"key_id":null`), { op, settings, key_id: null });
  }
});

test('readable_snapshot is written only when off, so that older versions can read every other line', () => {
  const off = { ...SETTINGS, storage: { ...BUILT_IN_STORAGE, readable_snapshot: false } };
  const storage = STORAGE_TEXT.replace(/}$/, ',"readable_snapshot":false}');
  const line = `"settings":{"storage":${storage},"authentication":${AUTHENTICATION_TEXT}}`;
  assert.equal(encodeEvent({ op: 'project.update', settings: off, key_id: null }).body, `${line},"key_id":null`);
  assert.deepEqual(decodeEvent('project.update', `${line},"key_id":null`), { op: 'project.update', settings: off, key_id: null });
  assert.doesNotMatch(encodeEvent({ op: 'project.update', settings: SETTINGS, key_id: null }).body, /readable_snapshot/);
  assertRefused('project.update', `${line.replace('"readable_snapshot":false', '"readable_snapshot":true')},"key_id":null`);
});

test('quotas are written only where there is one, in a line of format 2, so that older versions can read every other line', () => {
  const without = encodeEvent({ op: 'project.update', settings: SETTINGS, key_id: null });
  assert.equal(without.format, 1);
  assert.doesNotMatch(without.body, /quota/);
  const limited = { ...SETTINGS, quota: { ...SETTINGS.quota, max_bytes: 0, writes_per_second: 5 } };
  const quotaText = '{"max_bytes":0,"writes_per_second":5}';
  const line = `"settings":{"storage":${STORAGE_TEXT},"authentication":${AUTHENTICATION_TEXT},"quota":${quotaText}}`;
  for (const op of ['project.create', 'project.update', 'project.key'] as const) {
    const event = { op, settings: limited, key_id: null } as const;
    assert.deepEqual(encodeEvent(event), { op, body: `${line},"key_id":null`, format: 2 });
    assert.deepEqual(decodeEvent(op, `${line},"key_id":null`), event);
    for (const quota of ['{}', '{"max_bytes":null}', '{"writes_per_second":5,"max_bytes":0}', '{"max_bytes":-1}', '{"more":1}', 'null']) {
      assertRefused(op, `${line.replace(quotaText, quota)},"key_id":null`);
    }
  }
});

test('compaction and retention are both present and complete, or both absent', () => {
  for (const members of [
    COMPACTION_TEXT,
    RETENTION_TEXT,
    `${RETENTION_TEXT},${COMPACTION_TEXT}`,
    `"compaction":{},${RETENTION_TEXT}`,
    `"compaction":null,${RETENTION_TEXT}`,
    `"compaction":{"interval_seconds":-1},${RETENTION_TEXT}`,
    `"compaction":{"interval_seconds":1,"more":1},${RETENTION_TEXT}`,
    `${COMPACTION_TEXT},"retention":{}`,
    `${COMPACTION_TEXT},"retention":{"max_age_seconds":null,"max_bytes":null}`,
    `${COMPACTION_TEXT},"retention":{"max_bytes":null,"max_age_seconds":null,"compress":"none"}`,
    `${COMPACTION_TEXT},"retention":{"max_age_seconds":null,"max_bytes":null,"compress":"zip"}`,
  ]) {
    const storage = PLAIN_STORAGE_TEXT.replace('}', `,${members}}`);
    assertRefused('project.update', `"settings":{"storage":${storage},"authentication":${AUTHENTICATION_TEXT}},"key_id":null`);
  }
});

test('unknown members of settings are never written', () => {
  const settings = { ...SETTINGS, authentication: { ...BUILT_IN_AUTHENTICATION, api_key: 'secret', api_key_hash: 'sha256:secret' } };
  assert.doesNotMatch(encodeEvent({ op: 'project.update', settings, key_id: null }).body, /secret|api_key"/);
});

test('a duplicate field is rejected', () => {
  for (const [{ op }, body] of GOLDEN) if (op !== 'set' && op !== 'set.until') assertRefused(op, `${body},${body}`);
  assertRefused('set', '"key":"a","key":"b","value":1');
});

test('white space between tokens is rejected', () => {
  for (const body of ['"key": "a"', ' "key":"a"', '"key":"a" ', '"key" :"a"', '\t"key":"a"']) assertRefused('delete', body);
  for (const body of [
    ' "key":"a","value":1', '"key": "a","value":1', '"key":"a" ,"value":1', '"key":"a", "value":1', '"key":"a","value" :1',
  ]) {
    assertRefused('set', body);
  }
  assertRefused('project.key', `"settings": ${SETTINGS_TEXT},"key_id":null`);
});

test('another spelling of the same text or number is rejected', () => {
  for (const text of ['"\\u0061"', '"\\/"', '"\\u00e9"', '"\\u2028"', '"\\ud83d\\ude00"']) {
    assertRefused('delete', `"key":${text}`);
    assertRefused('set', `"key":${text},"value":1`);
  }
  for (const number of ['1.0', '1e0', '-0', '01', '+1']) assertRefused('clear', `"count":${number}`);
});

test('a field of the wrong type, form or range is rejected', () => {
  const settings = (storage: string): string => `"settings":{"storage":${storage},"authentication":${AUTHENTICATION_TEXT}},"key_id":null`;
  const wrong: readonly (readonly [AnyEvent['op'], string])[] = [
    ['set', '"key":"","value":1'],
    ['set', '"key":1,"value":1'],
    ['set', '"key":null,"value":1'],
    ['set', '"key":"a","value":'],
    ['set', ''],
    ['delete', '"key":""'],
    ['delete', '"key":1'],
    ['clear', '"count":-1'],
    ['clear', '"count":1.5'],
    ['clear', '"count":"1"'],
    ['project.created', `"id":"../alpha","log_id":"${LOG_ID}"`],
    ['project.created', '"id":"alpha","log_id":"0"'],
    ['project.created', `"id":"alpha","log_id":"${LOG_ID.toUpperCase()}"`],
    ['project.deleted', `"id":"","log_id":"${LOG_ID}","last_seq":0,"last_hash":""`],
    ['project.deleted', `"id":"alpha","log_id":"${LOG_ID}","last_seq":-1,"last_hash":""`],
    ['project.deleted', `"id":"alpha","log_id":"${LOG_ID}","last_seq":0,"last_hash":"ab"`],
    ['config.edited', '"scope":"default","changed":["a",1],"key_id":null'],
    ['project.left', `"id":"alpha","log_id":"${LOG_ID}","last_seq":1.5,"last_hash":""`],
    ['project.repaired', `"id":"a","log_id":"${LOG_ID}","previous_log_id":"0","last_seq":0,"last_hash":"","dropped_bytes":0,"copy":""`],
    ['project.restored', `"id":"a","log_id":"${LOG_ID}","last_seq":1,"last_hash":"","backup_time":"2026-11-22"`],
    ['snapshot.committed', `"id":"a","log_id":"${LOG_ID}","last_seq":1,"key_count":-1,"bytes":1,"sha256":"${HASH}","duration_ms":1`],
    ['snapshot.committed', `"id":"a","log_id":"${LOG_ID}","last_seq":1,"key_count":1,"bytes":1,"sha256":"","duration_ms":1`],
    ['segment.removed', `"id":"a","log_id":"${LOG_ID}","first_seq":0,"last_seq":7,"bytes":1,"sha256":"${HASH}"`],
    ['project.key', `"settings":${SETTINGS_TEXT},"key_id":"short"`],
    ['project.key', settings('{}')],
    ['project.key', settings(STORAGE_TEXT.replace('"fsync"', '"sometimes"'))],
    ['project.key', settings(STORAGE_TEXT.replace('67108864', '1'))],
    ['project.key', settings(PLAIN_STORAGE_TEXT.replace('}', ',"more":1}'))],
  ];
  for (const [op, body] of wrong) assertRefused(op, body);
});

test('invalid JSON is rejected', () => {
  for (const body of ['', '"key"', '"key":', '"key":"a', '"key":"a"}', '"key":"a"},{', '\u0000']) {
    assertRefused('delete', body);
    assertRefused('set', body);
    assertRefused('project.key', body);
  }
});

test('an error names the operation and the field', () => {
  assert.throws(
    () => decodeEvent('clear', '"count":-1'), /^UnknownEventError: Cannot read the fields of "clear": at "\/count" expected >= 0$/,
  );
});

test.run();
