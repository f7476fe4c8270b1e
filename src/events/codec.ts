/**
 * Encodes events as the fields of a log line, and decodes them. The encoding is canonical: an event has exactly one text, with the
 * fields of its operation in a fixed order. A line with another field, order or spelling is rejected.
 */
import { type ByteRange, endOfPlainText, isAscii, isAt, textOf } from '../base/byte-scan.js';
import { ISO_TIME_LENGTH, ISO_TIME_SCHEMA, isIsoTime } from '../base/iso-time.js';
import { compileSchema } from '../base/json-schema.js';
import { isSetting, type JsonSchema, type ObjectSchema, schemaOf, type Setting, type SettingTable } from '../base/setting.js';
import { isAccessOperation } from './access-event.js';
import { decodeBatchBody, encodeBatchBody } from './batch-codec.js';
import { REDACTION_SCHEMAS, restoredFields } from './redaction.js';
import { type AnyEvent, isProjectOperation, isServerOperation, type KeySet, type KeySetUntil, type SetBytes } from './event.js';
import { PERMISSIONS } from '../api/permissions.js';
import { AUTHENTICATION_SETTINGS, PROJECT_ID_PATTERN, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../api/project-settings.js';
import { ACCESS_NAME_PATTERN, KEY_ID_PATTERN } from '../api/schemas/access.js';
import { BUILT_IN_SETTINGS, mergeSettings, storedSettings } from './project-settings.js';

/** An operation and its fields, as the log stores them. */
interface EncodedEvent {
  readonly op: AnyEvent['op'];
  /** The fields as JSON members, without braces. */
  readonly body: string;
  /** The first format of the log that has the operation. */
  readonly format: 1 | 2;
}

/** This version does not write such an operation or such fields. */
export class UnknownEventError extends Error {
  override readonly name = 'UnknownEventError';
}

type Fields<E extends AnyEvent> = readonly (keyof E & string)[];

/** Fields that a line may lack. */
const OPTIONAL_FIELDS: readonly string[] = ['base'];

/** The fields of each operation, in the order of a line. */
export const EVENT_FIELDS: { readonly [Op in AnyEvent['op']]: Fields<Extract<AnyEvent, { op: Op }>> } = {
  'project.create': ['settings', 'key_id'],
  'project.update': ['settings', 'key_id'],
  'project.key': ['settings', 'key_id'],
  set: ['key', 'value'],
  'set.until': ['expires_at', 'key', 'value'],
  delete: ['key'],
  touch: ['expires_at', 'key'],
  expire: ['keys'],
  clear: ['count'],
  'clear.range': ['prefix', 'start', 'end', 'count'],
  batch: ['ops'],
  'access.add': ['key_id', 'name', 'permissions', 'not_before', 'expires_at'],
  'access.change': ['key_id', 'name', 'expires_at'],
  'access.remove': ['key_id'],
  'access.rotate': ['key_id', 'name', 'permissions', 'not_before', 'expires_at', 'previous_key_id', 'previous_expires_at'],
  redact: ['reason', 'lines', 'base'],
  'project.created': ['id', 'log_id'],
  'project.deleted': ['id', 'log_id', 'last_seq', 'last_hash'],
  'config.edited': ['scope', 'changed', 'key_id'],
  'project.left': ['id', 'log_id', 'last_seq', 'last_hash'],
  'project.repaired': ['id', 'log_id', 'previous_log_id', 'last_seq', 'last_hash', 'dropped_bytes', 'copy'],
  'project.restored': ['id', 'log_id', 'last_seq', 'last_hash', 'backup_time'],
  'snapshot.committed': ['id', 'log_id', 'last_seq', 'key_count', 'bytes', 'sha256', 'duration_ms'],
  'segment.removed': ['id', 'log_id', 'first_seq', 'last_seq', 'bytes', 'sha256'],
};

/** The operations of the registry. */
export const SERVER_OPERATIONS: readonly string[] = Object.keys(EVENT_FIELDS).filter((op) => isServerOperation(op));
/** The operations of a project's log. */
export const PROJECT_OPERATIONS: readonly string[] = Object.keys(EVENT_FIELDS).filter((op) => isProjectOperation(op));

const VALUE_MARK = ',"value":';
const KEY_MARK = '"key":';
const EXPIRY_MARK = '"expires_at":';

/** The schema of stored settings: all rows, but those with `omitDefault` only if they differ from their default. */
function storedSchema(table: SettingTable): ObjectSchema & { readonly required: readonly string[] } {
  const required = Object.keys(table).filter((name) => isAlwaysStored(table[name]));
  const properties = Object.entries(table).map(([name, entry]) => [name, isSetting(entry) ? storedValue(entry) : storedSchema(entry)]);
  return { ...schemaOf(table), required, properties: Object.fromEntries(properties) as ObjectSchema['properties'] };
}

function isAlwaysStored(entry: SettingTable[string] | undefined): boolean {
  if (entry === undefined) return false;
  return isSetting(entry) ? entry.omitDefault !== true : Object.values(entry).some(isAlwaysStored);
}

function storedValue({ schema, omitDefault = false, default: omitted }: Setting<unknown>): JsonSchema {
  return omitDefault ? { ...schema, not: { const: omitted } } : schema;
}

/** Groups that the first versions did not have. A line has both or neither. */
const LATER_GROUPS = ['compaction', 'retention'];

const storageSchema = storedSchema(STORAGE_SETTINGS);

const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['storage', 'authentication'],
  properties: {
    storage: {
      ...storageSchema,
      required: storageSchema.required.filter((name) => !LATER_GROUPS.includes(name)),
      dependencies: { compaction: ['retention'], retention: ['compaction'] },
    },
    authentication: storedSchema(AUTHENTICATION_SETTINGS),
    quota: storedSchema(QUOTA_SETTINGS),
  },
};

const BOUND = { type: ['string', 'null'] };
const KEY_ID = { type: 'string', pattern: KEY_ID_PATTERN };
const TIME_OR_NULL = { anyOf: [ISO_TIME_SCHEMA, { type: 'null' }] };

const FIELD_SCHEMAS = {
  settings: settingsSchema,
  key_id: { anyOf: [KEY_ID, { type: 'null' }] },
  key: { type: 'string', minLength: 1 },
  keys: { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, uniqueItems: true },
  expires_at: TIME_OR_NULL,
  count: { type: 'integer', minimum: 0 },
  prefix: BOUND,
  start: BOUND,
  end: BOUND,
  id: { type: 'string', pattern: PROJECT_ID_PATTERN },
  log_id: { type: 'string', pattern: '^[0-9a-f]{32}$' },
  last_seq: { type: 'integer', minimum: 0 },
  last_hash: { type: 'string', pattern: '^([0-9a-f]{64})?$' },
  scope: { type: 'string' },
  changed: { type: 'array', items: { type: 'string' } },
  previous_log_id: { type: 'string', pattern: '^([0-9a-f]{32})?$' },
  dropped_bytes: { type: 'integer', minimum: 0 },
  copy: { type: 'string' },
  key_count: { type: 'integer', minimum: 0 },
  bytes: { type: 'integer', minimum: 0 },
  sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  duration_ms: { type: 'integer', minimum: 0 },
  first_seq: { type: 'integer', minimum: 1 },
  backup_time: ISO_TIME_SCHEMA,
  name: { type: 'string', pattern: ACCESS_NAME_PATTERN },
  permissions: { type: 'array', items: { enum: PERMISSIONS }, minItems: 1, uniqueItems: true },
  not_before: TIME_OR_NULL,
  previous_key_id: KEY_ID,
  previous_expires_at: ISO_TIME_SCHEMA,
  ...REDACTION_SCHEMAS,
} as const;

const TIME_FIELDS: ReadonlySet<string> = new Set(['expires_at', 'not_before', 'previous_expires_at']);

function compileFields(op: string, fields: readonly string[]): ReturnType<typeof compileSchema> {
  // Only the primary key of a scope may be absent.
  const known: Readonly<Record<string, object>> = isAccessOperation(op) ? { ...FIELD_SCHEMAS, key_id: KEY_ID } : FIELD_SCHEMAS;
  const properties = Object.fromEntries(fields.map((field) => [field, known[field] ?? {}]));
  const required = fields.filter((field) => !OPTIONAL_FIELDS.includes(field));
  return compileSchema({ type: 'object', additionalProperties: false, required, properties });
}

/** Checks by operation. Not used for `set`, `set.until` and `batch`, whose values stay text. */
const checks = new Map(Object.entries(EVENT_FIELDS).map(([op, fields]) => [op, compileFields(op, fields)]));

/** Operations that format 1 does not have. It has no settings with a quota either. */
const FORMAT_2: readonly string[] = [
  'clear.range', 'touch', 'expire', 'project.restored', 'access.add', 'access.change', 'access.remove', 'access.rotate', 'redact',
];

/** Encodes an event as the fields of a line. */
export function encodeEvent(event: AnyEvent): EncodedEvent {
  if (event.op === 'set') return { op: 'set', body: encodeSet(event), format: 1 };
  if (event.op === 'set.until') {
    return { op: 'set.until', body: `${EXPIRY_MARK}${JSON.stringify(event.expires_at)},${encodeSet(event)}`, format: 2 };
  }
  if (event.op === 'batch') return { op: 'batch', body: encodeBatchBody(event), format: 2 };
  const settings = 'settings' in event ? storedSettings(event.settings) : undefined;
  // Their order has no meaning, so one is the canonical one.
  const permissions = 'permissions' in event ? event.permissions.toSorted() : undefined;
  const members: Readonly<Record<string, unknown>> = { ...event, settings, permissions };
  const fields = EVENT_FIELDS[event.op].filter((field) => members[field] !== undefined);
  const body = fields.map((field) => `${JSON.stringify(field)}:${JSON.stringify(members[field])}`).join(',');
  return { op: event.op, body, format: settings?.quota !== undefined || FORMAT_2.includes(event.op) ? 2 : 1 };
}

function encodeSet({ key, value }: KeySet | KeySetUntil): string {
  return `${KEY_MARK}${JSON.stringify(key)}${VALUE_MARK}${value}`;
}

/**
 * Decodes the fields of a line.
 *
 * @param body the fields; the caller has verified the line's hash
 * @throws {UnknownEventError} for an operation or a field that this version does not know
 */
export function decodeEvent(op: string, body: string): AnyEvent {
  if (op === 'set') return { op, ...decodeSet(op, body) };
  if (op === 'set.until') return decodeSetUntil(body);
  if (op === 'batch') return decodeBatch(body);
  const check = checks.get(op);
  if (check === undefined) throw new UnknownEventError(`Cannot read the operation "${op}": this version does not know it`);
  const checked = check(parse(op, body));
  if (!checked.ok) {
    throw new UnknownEventError(`Cannot read the fields of "${op}": at "${checked.fault.pointer}" expected ${checked.fault.expected}`);
  }
  // The schema guarantees the members of the operation.
  const event = { op, ...(checked.document as object) } as AnyEvent;
  if (!haveTimes(checked.document as object) || encodeEvent(event).body !== body) {
    throw new UnknownEventError(`Cannot read the fields of "${op}": they are not in canonical order or spelling`);
  }
  if (!('settings' in event)) return event;
  return { ...event, settings: mergeSettings(BUILT_IN_SETTINGS, event.settings) };
}

/** Whether the times of an event are days that exist; the schema knows their form only. */
function haveTimes(fields: object): boolean {
  return Object.entries(fields).every(([name, value]) => !TIME_FIELDS.has(name) || value === null || isIsoTime(String(value)));
}

/** A line as a log gives it. */
interface LineFields {
  readonly op: string;
  readonly body: string;
  /** Set for an erased line, whose body has what is left of its fields. */
  readonly erasedBy?: unknown;
}

/**
 * Decodes the event of a line, as {@link decodeEvent}. In that of an erased line, `null` stands for each value: at the end of the log, none
 * of them is a current one.
 */
export function decodeLineEvent({ op, body, erasedBy }: LineFields): AnyEvent {
  return decodeEvent(op, erasedBy === undefined ? body : restoredFields(op, body));
}

const KEY_START = Buffer.from('"key":"');
const VALUE_START = Buffer.from('","value":');

/** A set that makes text of its bytes only when it is asked for: a start reads millions. */
class SetInBytes implements KeySet {
  readonly op = 'set';
  readonly bytes: SetBytes;

  constructor(bytes: SetBytes) {
    this.bytes = bytes;
  }

  get key(): string {
    return textOf(this.bytes);
  }

  get value(): string {
    const { bytes, valueStart: start, valueEnd: end } = this.bytes;
    return textOf({ bytes, start, end });
  }
}

/**
 * Decodes the fields of a `set` from their bytes, as {@link decodeEvent} decodes their text.
 *
 * @param body valid UTF-8
 * @returns undefined if the key has anything to unescape, or there is anything else that only {@link decodeEvent} can judge
 */
export function decodeSetIn(body: ByteRange): KeySet | undefined {
  const { bytes, start, end } = body;
  if (!isAt(bytes, start, KEY_START)) return undefined;
  const keyStart = start + KEY_START.length;
  const keyEnd = endOfPlainText(bytes, keyStart, end);
  const valueStart = keyEnd + VALUE_START.length;
  if (keyEnd === keyStart || valueStart >= end || !isAt(bytes, keyEnd, VALUE_START)) return undefined;
  const key = { bytes, start: keyStart, end: keyEnd };
  if (!isAscii(key)) return { op: 'set', key: textOf(key), value: textOf({ bytes, start: valueStart, end }) };
  return new SetInBytes({ bytes, start: keyStart, end: keyEnd, valueStart, valueEnd: end });
}

function decodeBatch(body: string): AnyEvent {
  const event = decodeBatchBody(body);
  if (event === undefined) throw new UnknownEventError('Cannot read the fields of "batch": expected changes of distinct keys');
  return event;
}

/** Splits at the first mark. Inside a JSON string its quotes would be escaped, so the first one ends the key. */
function decodeSet(op: string, body: string): Pick<KeySet, 'key' | 'value'> {
  const mark = body.indexOf(VALUE_MARK);
  if (mark < 0 || !body.startsWith(KEY_MARK)) throw new UnknownEventError(`Cannot read the fields of "${op}": expected key and value`);
  const keyText = body.slice(KEY_MARK.length, mark);
  const key = parseText(keyText);
  if (typeof key !== 'string' || JSON.stringify(key) !== keyText) {
    throw new UnknownEventError(`Cannot read the fields of "${op}": its key is not in canonical spelling`);
  }
  const value = body.slice(mark + VALUE_MARK.length);
  if (key === '' || value === '') throw new UnknownEventError(`Cannot read the fields of "${op}": its key or its value is empty`);
  return { key, value };
}

function decodeSetUntil(body: string): KeySetUntil {
  const timeStart = EXPIRY_MARK.length + 1;
  const expiresAt = body.slice(timeStart, timeStart + ISO_TIME_LENGTH);
  const rest = timeStart + ISO_TIME_LENGTH + '",'.length;
  if (!isIsoTime(expiresAt) || body.slice(0, rest) !== `${EXPIRY_MARK}"${expiresAt}",`) {
    throw new UnknownEventError('Cannot read the fields of "set.until": expected a time of expiry');
  }
  return { op: 'set.until', expires_at: expiresAt, ...decodeSet('set.until', body.slice(rest)) };
}

function parse(op: string, body: string): unknown {
  const parsed = parseText(`{${body}}`);
  if (parsed === undefined) throw new UnknownEventError(`Cannot read the fields of "${op}": they are not JSON`);
  return parsed;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
