/**
 * The body of a batch: checks its operations and cuts their values out of the text, so that they stay as they were sent.
 */
import { AppError } from '../base/app-error.js';
import { endOfJsonValue, endOfString, nextItem, skipSpace, valueOfString } from '../base/json-ranges.js';
import { escapePointer } from '../base/json-schema.js';
import { findKeyFault } from '../events/key-name.js';
import type { BatchStep, Expiry, Precondition } from '../store/command.js';
import { parseEntityTag } from './entity-tag.js';
import { EXPECTED_EXPIRY, EXPIRY_NAMES, expiryIn, keptIf } from './expiry-query.js';
import { seqCondition, tagCondition } from './precondition.js';
import { bodyTooLarge } from './request-body.js';

/** What a batch may be at most. */
interface BatchLimits {
  readonly opsMax: number;
  /** Longest key in bytes of UTF-8. */
  readonly keyBytesMax: number;
  /** Longest value in bytes. */
  readonly valueBytesMax: number;
}

/** The members that operations have. */
const NAMES = ['op', 'key', 'value', 'if_seq', 'if_match', 'if_exists', ...EXPIRY_NAMES] as const;
type Name = (typeof NAMES)[number];
/** Length of the longest name with each of its characters as an escape. */
const ESCAPED_NAME_MAX = Math.max(...NAMES.map(({ length }) => length)) * '\\u0000'.length;
/** Those that an operation may have besides `op` and `key`. */
const MEMBERS: Readonly<Record<BatchStep['op'], readonly Name[]>> = {
  check: ['if_seq', 'if_match'],
  set: ['value', 'if_seq', 'if_match', ...EXPIRY_NAMES],
  delete: ['if_seq', 'if_match', 'if_exists'],
  touch: ['if_seq', 'if_match', 'if_exists', 'ttl_seconds', 'expires_at'],
};
const OPS = Object.keys(MEMBERS) as BatchStep['op'][];
/** A `set` without a condition or an expiry has `op`, `key` and `value`. */
const PLAIN_SET_MEMBERS = 3;
const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,15})$/;
/** Of a member's name in a message. */
const SHOWN_CHARACTERS = 60;
/** In UTF-8. */
const UNIT_BYTES_MAX = 3;
const QUOTE = 0x22;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** Where the members of an operation are in the text. One serves all operations of a batch, one after another. */
class Operation {
  /** Its place in the batch. */
  index = -1;
  /** The first of its members that is none of {@link NAMES}. */
  unknown: string | undefined;
  readonly #text: string;
  /** The members in their order, and where their values are. What is behind their count is left from operations before. */
  readonly #names: Name[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Number of members, without {@link unknown} ones. */
  get count(): number {
    return this.#count;
  }

  /** The members in their order, without {@link unknown} ones. */
  get names(): readonly Name[] {
    return this.#names.slice(0, this.#count);
  }

  /**
   * Finds the members of the next operation.
   *
   * @returns where it ends
   */
  read(start: number): number {
    const text = this.#text;
    this.index += 1;
    this.unknown = undefined;
    this.#count = 0;
    if (text.charCodeAt(start) !== BRACE_OPEN) throw invalid(this.#place(), 'an operation: an object with the members "op" and "key"');
    let at = skipSpace(text, start + 1);
    while (text.charCodeAt(at) !== BRACE_CLOSE) {
      const nameEnd = endOfString(text, at);
      const valueStart = startOfValue(text, nameEnd);
      const valueEnd = endOfJsonValue(text, valueStart);
      this.#add(at, nameEnd, valueStart, valueEnd);
      at = nextItem(text, valueEnd);
    }
    return at + 1;
  }

  #add(nameStart: number, nameEnd: number, start: number, end: number): void {
    // One is enough to refuse the operation, and decoding each of a million names would take a second.
    if (this.unknown !== undefined) return;
    const name = nameAt(this.#text, nameStart, nameEnd);
    if (name === undefined) {
      this.unknown = valueOfString(this.#text.slice(nameStart, nameEnd));
      return;
    }
    if (this.has(name)) throw invalid(this.#place(), `the member "${name}" once`);
    this.#names[this.#count] = name;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count += 1;
  }

  #place(): { readonly index: number; readonly pointer: string } {
    return { index: this.index, pointer: `/ops/${this.index}` };
  }

  has(name: Name): boolean {
    return this.#indexOf(name) >= 0;
  }

  #indexOf(name: Name): number {
    for (let index = 0; index < this.#count; index += 1) if (this.#names[index] === name) return index;
    return -1;
  }

  /** Returns the text of a member's value; undefined without the member. */
  textOf(name: Name): string | undefined {
    const at = this.#indexOf(name);
    return at < 0 ? undefined : this.#text.slice(this.#starts[at], this.#ends[at]);
  }

  /** The value of a member that cannot be an array or an object: those are not parsed, and are like none. */
  valueOf(name: Name): unknown {
    const text = this.textOf(name);
    if (text === undefined) return undefined;
    switch (text.charCodeAt(0)) {
      case QUOTE:
        return valueOfString(text);
      case BRACKET_OPEN:
      case BRACE_OPEN:
        return undefined;
      default:
        return JSON.parse(text);
    }
  }
}

/** Returns where the value of a member begins, from the end of its name. */
function startOfValue(text: string, nameEnd: number): number {
  return skipSpace(text, skipSpace(text, nameEnd) + 1);
}

/** Returns the name between two positions, with its quotes; undefined for an unknown one. */
function nameAt(text: string, start: number, end: number): Name | undefined {
  const length = end - start - '""'.length;
  for (const name of NAMES) if (name.length === length && text.startsWith(name, start + 1)) return name;
  const spelled = length > ESCAPED_NAME_MAX ? '' : text.slice(start, end);
  if (!spelled.includes('\\')) return undefined;
  const decoded = valueOfString(spelled);
  return NAMES.find((name) => name === decoded);
}

/**
 * Reads the operations of a batch.
 *
 * @param text valid JSON on one line
 * @throws {AppError} `invalid_batch`, `too_many_ops`; `body_too_large` for a value
 */
export function readBatch(text: string, limits: BatchLimits): readonly BatchStep[] {
  const steps: BatchStep[] = [];
  const operation = new Operation(text);
  let count = 0;
  let at = skipSpace(text, startOfOps(text) + 1);
  // What is wrong with the batch as a whole is said before what is wrong with one operation.
  let refusal: AppError | undefined;
  for (; text.charCodeAt(at) !== BRACKET_CLOSE; at = nextItem(text, at)) {
    count += 1;
    if (count > limits.opsMax || refusal !== undefined) {
      at = endOfJsonValue(text, at);
      continue;
    }
    const start = at;
    try {
      at = operation.read(start);
      steps.push(readStep(operation, limits));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      refusal = error;
      at = endOfJsonValue(text, start);
    }
  }
  if (text.charCodeAt(skipSpace(text, at + 1)) !== BRACE_CLOSE) throw notOnlyOps();
  if (count === 0) throw invalid({ pointer: '/ops' }, 'at least one operation');
  if (count > limits.opsMax) {
    const message = `Cannot carry out a batch of ${count} operations: the limit is ${limits.opsMax}`;
    throw new AppError('too_many_ops', message, { facts: { limit: limits.opsMax, actual: count } });
  }
  if (refusal !== undefined) throw refusal;
  return steps;
}

/** Characters of an answer besides the keys at most: for each operation, and for the batch. */
const RESULT_CHARACTERS = 40;
const RECEIPT_CHARACTERS = 256;
/** Characters that JSON may make of one, such as half of a pair of surrogates. */
const ESCAPE_CHARACTERS = 6;

/**
 * Returns how long the answer to a batch is at most, in UTF-16 units: known before anything is carried out.
 *
 * @param text what the operations were read from. Without a backslash, no key has a character that JSON escapes
 */
export function answerCharactersMax(text: string, steps: readonly BatchStep[]): number {
  const keyCharacters = steps.reduce((sum, { key }) => sum + key.length, 0);
  return RECEIPT_CHARACTERS + steps.length * RESULT_CHARACTERS + keyCharacters * (text.includes('\\') ? ESCAPE_CHARACTERS : 1);
}

/** Returns where the array of operations begins. */
function startOfOps(text: string): number {
  const start = skipSpace(text, 0);
  if (text.charCodeAt(start) !== BRACE_OPEN) throw invalid({ pointer: '' }, 'an object with the member "ops"');
  const nameStart = skipSpace(text, start + 1);
  if (text.charCodeAt(nameStart) === BRACE_CLOSE) throw notOnlyOps();
  const nameEnd = endOfString(text, nameStart);
  if (valueOfString(text.slice(nameStart, nameEnd)) !== 'ops') throw notOnlyOps();
  const opsStart = startOfValue(text, nameEnd);
  if (text.charCodeAt(opsStart) !== BRACKET_OPEN) throw invalid({ pointer: '/ops' }, 'an array of operations');
  return opsStart;
}

function notOnlyOps(): AppError {
  return invalid({ pointer: '' }, 'an object with the member "ops" and no other');
}

function readStep(operation: Operation, limits: BatchLimits): BatchStep {
  const given = operation.valueOf('op');
  const op = OPS.find((one) => one === given);
  if (op === undefined) throw invalidMember(operation, 'op', '"check", "set", "delete" or "touch"');
  const { unknown } = operation;
  if (op === 'set' && operation.count === PLAIN_SET_MEMBERS && operation.has('key') && operation.has('value') && unknown === undefined) {
    return { op, key: keyIn(operation, limits.keyBytesMax), value: valueTextIn(operation, limits.valueBytesMax) };
  }
  const refused = unknown ?? operation.names.find((name) => name !== 'op' && name !== 'key' && !MEMBERS[op].includes(name));
  if (refused !== undefined) throw invalidMember(operation, refused, `no such member in a ${op}`);
  const key = keyIn(operation, limits.keyBytesMax);
  const precondition = preconditionIn(operation);
  const condition = precondition === undefined ? {} : { precondition };
  if (op === 'set') {
    const expiry = expiryOf(operation);
    return { op, key, value: valueTextIn(operation, limits.valueBytesMax), ...condition, ...(expiry && { expiry }) };
  }
  if (op === 'delete') return { op, key, ifExists: isExistenceWanted(operation), ...condition };
  if (op === 'touch') {
    const expiry = expiryOf(operation);
    if (expiry === undefined) throw invalidMember(operation, 'expires_at', 'expires_at or ttl_seconds: a touch needs one of them');
    return { op, key, expiry, ifExists: isExistenceWanted(operation), ...condition };
  }
  if (precondition === undefined) throw invalidMember(operation, 'if_seq', 'if_seq or if_match: a check needs one of them');
  return { op: 'check', key, precondition };
}

function keyIn(operation: Operation, bytesMax: number): string {
  const key = operation.valueOf('key');
  if (typeof key !== 'string' || findKeyFault(key, bytesMax) !== undefined) {
    throw invalidMember(operation, 'key', `a key of 1 to ${bytesMax} bytes of UTF-8 without control characters`);
  }
  return key;
}

function valueTextIn(operation: Operation, bytesMax: number): string {
  const value = operation.textOf('value');
  if (value === undefined) throw invalidMember(operation, 'value', 'any JSON value');
  // No UTF-16 unit takes more than three bytes.
  if (value.length * UNIT_BYTES_MAX <= bytesMax) return value;
  const bytes = Buffer.byteLength(value);
  if (bytes <= bytesMax) return value;
  const { message, facts } = bodyTooLarge(bytesMax, bytes);
  throw new AppError('body_too_large', message.replace('the body', `the value of operation ${operation.index}`), {
    facts: { ...facts, op_index: operation.index },
  });
}

function isExistenceWanted(operation: Operation): boolean {
  return flagIn(operation, 'if_exists') ?? false;
}

function flagIn(operation: Operation, name: Name): boolean | undefined {
  if (!operation.has(name)) return undefined;
  const flag = operation.valueOf(name);
  if (typeof flag !== 'boolean') throw invalidMember(operation, name, 'true or false');
  return flag;
}

function expiryOf(operation: Operation): Expiry | undefined {
  const [name, other] = EXPIRY_NAMES.filter((one) => operation.has(one));
  if (name === undefined) return undefined;
  if (other !== undefined) throw invalidMember(operation, other, `${name} or ${other}, not both`);
  if (name === 'keep_ttl') return keptIf(flagIn(operation, name) ?? false);
  const value = operation.valueOf(name);
  const expiry = name === 'expires_at' && value === null ? keptIf(false) : expiryIn(name, value);
  if (expiry === undefined) throw invalidMember(operation, name, EXPECTED_EXPIRY[name]);
  return expiry;
}

function preconditionIn(operation: Operation): Precondition | undefined {
  const seqText = operation.textOf('if_seq');
  const tagText = operation.textOf('if_match');
  if (seqText !== undefined && tagText !== undefined) throw invalidMember(operation, 'if_match', 'if_seq or if_match, not both');
  if (seqText !== undefined) return seqConditionIn(operation, seqText);
  if (tagText === undefined) return undefined;
  const tag = operation.valueOf('if_match');
  const parsed = typeof tag === 'string' ? parseEntityTag(tag) : undefined;
  if (parsed === undefined || parsed.weak) {
    throw invalidMember(operation, 'if_match', 'one strong entity tag in double quotes, as a string');
  }
  return tagCondition(parsed);
}

function seqConditionIn(operation: Operation, text: string): Precondition {
  const seq = Number(text);
  const isSeq = WHOLE_NUMBER.test(text) && Number.isSafeInteger(seq);
  if (!isSeq) throw invalidMember(operation, 'if_seq', 'a seq, or 0 for a key that does not exist');
  return seqCondition(seq);
}

function invalidMember({ index }: Operation, name: string, expected: string): AppError {
  return invalid({ index, pointer: `/ops/${index}/${shown(name)}` }, expected);
}

/** A name of a client, for a pointer: bounded, since it may be as long as the body. */
function shown(name: string): string {
  return escapePointer(name.slice(0, SHOWN_CHARACTERS));
}

function invalid({ index, pointer }: { readonly index?: number; readonly pointer: string }, expected: string): AppError {
  const where = index === undefined ? 'Cannot use the batch' : `Cannot use operation ${index} of the batch`;
  const facts = { ...(index === undefined ? {} : { op_index: index }), pointer, expected };
  return new AppError('invalid_batch', `${where}: ${pointer === '' ? '' : `at "${pointer}" `}expected ${expected}`, { facts });
}
