/** Generators of events and their parts, for the property tests of every room that handles events. */
import fc from 'fast-check';
import { PERMISSIONS } from '../../src/api/permissions.js';
import type { AnyEvent, BatchedChange } from '../../src/events/event.js';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../../src/api/project-settings.js';
import type { ProjectSettings } from '../../src/events/project-settings.js';
import { arbitraryValues } from '../base/arbitrary-values.js';

/** Plain objects, as literals are: by default some are made without a prototype, which strict equality tells apart. */
const PLAIN = { noNullPrototype: true } as const;

/** Characters that break careless slicing, sorting or escaping. */
export const TRICKY_CHARACTERS = [
  'a', 'b', '/', '"', '\\', ',', ':', '{', '}', ' ', '\u2028', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}',
];

/** Parts of lines, as a malicious key may contain them. */
const TRICKY_PIECES = [',"value":', '"key":', ',"salt":', ',"hash":"', '"', '\\', '\\u0022', '\u2028', '\u{1f600}'];

/** Keys: well-formed text that may contain parts of lines. */
export const arbitraryKey = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS, ...TRICKY_PIECES), minLength: 1, maxLength: 6 }),
);

/** Values: JSON text on one line, in spellings that re-encoding would change. */
export const arbitraryValue = fc.oneof(
  fc.constantFrom(
    'null', '0', '-0', '1.0', '1E2', '1e400', '9007199254740993', '""', '"\\ud800"', '"\u2028"', '{"b":1,"10":2,"9":3}', '{"a":1,"a":2}',
    ' [ 1 , 2 ] ',
  ),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  arbitraryKey.map((key) => JSON.stringify({ [key]: key })),
);

function hexDigits(count: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: count, maxLength: count });
}

const arbitraryKeyId = fc.option(hexDigits(16));

/** All settings of a project. */
export const arbitrarySettings: fc.Arbitrary<ProjectSettings> = fc.record({
  storage: arbitraryValues(STORAGE_SETTINGS), authentication: arbitraryValues(AUTHENTICATION_SETTINGS),
  quota: arbitraryValues(QUOTA_SETTINGS),
}, PLAIN);

const arbitraryProjectId = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);
const projectOperation = fc.constantFrom('project.create', 'project.update', 'project.key');
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const bound = fc.option(fc.string({ unit: 'binary', maxLength: 5 }));

/** A log id, and the end of the log. */
const logEnd = { id: arbitraryProjectId, log_id: hexDigits(32), last_seq: count, last_hash: fc.oneof(fc.constant(''), hexDigits(64)) };

const expiry = fc.date({ min: new Date('2000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }).map((time) => time.toISOString());
const value = arbitraryValue.map((text) => text.trim());
const access = {
  key_id: hexDigits(16),
  name: fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), minLength: 1, maxLength: 20 }),
  permissions: fc.subarray([...PERMISSIONS], { minLength: 1 }),
  not_before: fc.option(expiry),
  expires_at: fc.option(expiry),
};

const keyChange: fc.Arbitrary<BatchedChange> = fc.oneof(
  fc.record({ op: fc.constant('set'), key: arbitraryKey, value }, PLAIN),
  fc.record({ op: fc.constant('set.until'), expires_at: expiry, key: arbitraryKey, value }, PLAIN),
  fc.record({ op: fc.constant('delete'), key: arbitraryKey }, PLAIN),
  fc.record({ op: fc.constant('touch'), expires_at: fc.option(expiry), key: arbitraryKey }, PLAIN),
);

/** The changes of a batch. */
export const arbitraryKeyChanges = fc.uniqueArray(keyChange, { minLength: 1, maxLength: 5, selector: ({ key }) => key });

/** Any event of any operation. */
export const arbitraryEvent: fc.Arbitrary<AnyEvent> = fc.oneof(
  fc.record({ op: projectOperation, settings: arbitrarySettings, key_id: arbitraryKeyId }, PLAIN),
  fc.record({ op: fc.constant('set'), key: arbitraryKey, value: arbitraryValue }, PLAIN),
  fc.record({ op: fc.constant('set.until'), expires_at: expiry, key: arbitraryKey, value: arbitraryValue }, PLAIN),
  fc.record({ op: fc.constant('delete'), key: arbitraryKey }, PLAIN),
  fc.record({ op: fc.constant('touch'), expires_at: fc.option(expiry), key: arbitraryKey }, PLAIN),
  fc.record({ op: fc.constant('expire'), keys: fc.uniqueArray(arbitraryKey, { minLength: 1, maxLength: 4 }) }, PLAIN),
  fc.record({ op: fc.constant('clear'), count }, PLAIN),
  fc.record({ op: fc.constant('clear.range'), prefix: bound, start: bound, end: bound, count }, PLAIN),
  fc.record({ op: fc.constant('batch'), ops: arbitraryKeyChanges }, PLAIN),
  fc.record({ op: fc.constant('access.add'), ...access }, PLAIN),
  fc.record({ op: fc.constant('access.change'), key_id: access.key_id, name: access.name, expires_at: access.expires_at }, PLAIN),
  fc.record({ op: fc.constant('access.remove'), key_id: access.key_id }, PLAIN),
  fc.record({ op: fc.constant('access.rotate'), ...access, previous_key_id: access.key_id, previous_expires_at: expiry }, PLAIN),
  fc.record({ op: fc.constant('project.created'), id: arbitraryProjectId, log_id: hexDigits(32) }, PLAIN),
  fc.record({ op: fc.constantFrom('project.deleted', 'project.left'), ...logEnd }, PLAIN),
  fc.record({
    op: fc.constant('project.repaired'),
    ...logEnd,
    previous_log_id: fc.oneof(fc.constant(''), hexDigits(32)),
    dropped_bytes: count,
    copy: fc.string(),
  }, PLAIN),
  fc.record({
    op: fc.constant('snapshot.committed'),
    id: arbitraryProjectId,
    log_id: hexDigits(32),
    last_seq: count,
    key_count: count,
    bytes: count,
    sha256: hexDigits(64),
    duration_ms: count,
  }, PLAIN),
  fc.record({
    op: fc.constant('segment.removed'),
    id: arbitraryProjectId,
    log_id: hexDigits(32),
    first_seq: fc.integer({ min: 1 }),
    last_seq: count,
    bytes: count,
    sha256: hexDigits(64),
  }, PLAIN),
  fc.record({ op: fc.constant('config.edited'), scope: arbitraryProjectId, changed: fc.array(fc.string()), key_id: arbitraryKeyId }, PLAIN),
);
