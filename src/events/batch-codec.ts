/**
 * Encodes the fields of a `batch`, and decodes them. Values are cut out of the text as they stand. The encoding is canonical, so the
 * position of each value follows from what is before it.
 */
import { isIsoTime } from '../base/iso-time.js';
import { endOfJsonValue } from '../base/json-ranges.js';
import { type BatchedChange, type KeysChanged, setsValue } from './event.js';

const START = '"ops":[';
const END = ']';
const OP_MARK = '{"op":';
/** How an operation begins, by its name. */
const OP_TEXTS = {
  'set': `${OP_MARK}"set"`, 'set.until': `${OP_MARK}"set.until"`, 'delete': `${OP_MARK}"delete"`, 'touch': `${OP_MARK}"touch"`,
} as const;
const EXPIRY_MARK = ',"expires_at":';
const KEY_MARK = ',"key":';
const VALUE_MARK = ',"value":';
const OP_END = '}';

/** Encodes the fields. */
export function encodeBatchBody({ ops }: KeysChanged): string {
  const pieces = [START];
  for (const op of ops) {
    if (pieces.length > 1) pieces.push(',');
    addTextToKey(op, pieces);
    if (setsValue(op)) pieces.push(VALUE_MARK, op.value);
    pieces.push(OP_END);
  }
  pieces.push(END);
  return pieces.join('');
}

/** Adds pieces of text: one for each concatenation would be garbage at once. */
function addTextToKey(op: BatchedChange, pieces: string[]): void {
  pieces.push(OP_TEXTS[op.op]);
  if ('expires_at' in op) pieces.push(EXPIRY_MARK, JSON.stringify(op.expires_at));
  pieces.push(KEY_MARK, JSON.stringify(op.key));
}

/** Reads members one after another, each a mark and a JSON value. */
class MemberReader {
  readonly #body: string;
  at = START.length;

  constructor(body: string) {
    this.#body = body;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#body.length;
  }

  /** Returns the text of a value; undefined if there is no such member. */
  text(mark: string): string | undefined {
    if (!this.#body.startsWith(mark, this.at)) return undefined;
    const start = this.at + mark.length;
    this.at = endOfJsonValue(this.#body, start);
    return this.#body.slice(start, this.at);
  }

  /** Returns a value that is a string or null; undefined if there is no such member. */
  value(mark: string): string | null | undefined {
    const text = this.text(mark);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'string' || value === null ? value : undefined;
    } catch {
      return undefined;
    }
  }
}

/**
 * Decodes the fields.
 *
 * @returns undefined for a text that is not what {@link encodeBatchBody} makes
 */
export function decodeBatchBody(body: string): KeysChanged | undefined {
  const ops: BatchedChange[] = [];
  const keys = new Set<string>();
  const reader = new MemberReader(body);
  while (!reader.isAtEnd) {
    const op = decodeOp(reader);
    if (op === undefined || keys.has(op.key)) return undefined;
    keys.add(op.key);
    ops.push(op);
    reader.at += OP_END.length + 1;
  }
  const decoded: KeysChanged = { op: 'batch', ops };
  return ops.length > 0 && encodeBatchBody(decoded) === body ? decoded : undefined;
}

/** Accepts other spellings too, which the comparison of the whole then refuses. */
function decodeOp(reader: MemberReader): BatchedChange | undefined {
  const op = reader.value(OP_MARK);
  const expiresAt = reader.value(EXPIRY_MARK);
  const key = reader.value(KEY_MARK);
  const value = reader.text(VALUE_MARK);
  if (typeof key !== 'string' || key === '' || value === '') return undefined;
  if (typeof expiresAt === 'string' && !isIsoTime(expiresAt)) return undefined;
  if (op === 'set') return value === undefined ? undefined : { op, key, value };
  if (op === 'delete') return { op, key };
  if (op === 'touch') return expiresAt === undefined ? undefined : { op, expires_at: expiresAt, key };
  if (op !== 'set.until' || typeof expiresAt !== 'string' || value === undefined) return undefined;
  return { op, expires_at: expiresAt, key, value };
}

/**
 * Returns where the value of each change lies in the encoded fields.
 *
 * @returns for each change of the batch the offset of its value, in bytes; undefined for one without a value
 */
export function valueOffsetsIn({ ops }: KeysChanged): readonly (number | undefined)[] {
  let offset = START.length;
  return ops.map((op) => {
    const toKey: string[] = [];
    addTextToKey(op, toKey);
    offset += toKey.reduce((bytes, piece) => bytes + Buffer.byteLength(piece), 0);
    const at = offset + VALUE_MARK.length;
    if (setsValue(op)) offset = at + Buffer.byteLength(op.value);
    offset += OP_END.length + ','.length;
    return setsValue(op) ? at : undefined;
  });
}
