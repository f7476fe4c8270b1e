/**
 * The body of a batch: checks its operations and cuts their values out of the text, so that they stay as they were sent.
 */
import { AppError } from '../base/app-error.js';
import { itemsOfJson, type JsonMember, membersOfJson, valueOfString } from '../base/json-ranges.js';
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

/** An operation as text. */
interface Operation {
  readonly index: number;
  readonly text: string;
  readonly members: readonly JsonMember[];
}

/** The members that an operation may have besides `op` and `key`. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  check: ['if_seq', 'if_match'],
  set: ['value', 'if_seq', 'if_match', ...EXPIRY_NAMES],
  delete: ['if_seq', 'if_match', 'if_exists'],
  touch: ['if_seq', 'if_match', 'if_exists', 'ttl_seconds', 'expires_at'],
};
/** One more than there are names: among so many is one that is unknown, or is there twice. */
const MEMBERS_MAX = 9;
const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,15})$/;
/** Of a member's name in a message. */
const SHOWN_CHARACTERS = 60;

/**
 * Reads the operations of a batch.
 *
 * @param text valid JSON on one line
 * @throws {AppError} `invalid_batch`, `too_many_ops`; `body_too_large` for a value
 */
export function readBatch(text: string, limits: BatchLimits): readonly BatchStep[] {
  const ops = opsIn(text);
  const { count, items } = itemsOfJson(text, ops.start, limits.opsMax);
  if (count === 0) throw invalid({ pointer: '/ops' }, 'at least one operation');
  if (count > limits.opsMax) {
    const message = `Cannot carry out a batch of ${count} operations: the limit is ${limits.opsMax}`;
    throw new AppError('too_many_ops', message, { facts: { limit: limits.opsMax, actual: count } });
  }
  return items.map(({ start }, index) => readStep({ index, text, members: membersAt(text, start, index) }, limits));
}

function opsIn(text: string): JsonMember {
  const start = text.search(/\S/);
  if (text[start] !== '{') throw invalid({ pointer: '' }, 'an object with the member "ops"');
  const [ops, ...others] = membersOfJson(text, start, 2);
  if (ops?.name !== 'ops' || others.length > 0) throw invalid({ pointer: '' }, 'an object with the member "ops" and no other');
  if (text[ops.start] !== '[') throw invalid({ pointer: '/ops' }, 'an array of operations');
  return ops;
}

function membersAt(text: string, start: number, index: number): readonly JsonMember[] {
  const place = { index, pointer: `/ops/${index}` };
  if (text[start] !== '{') throw invalid(place, 'an operation: an object with the members "op" and "key"');
  const members = membersOfJson(text, start, MEMBERS_MAX);
  for (const [at, { name }] of members.entries()) {
    if (members.findIndex((one) => one.name === name) < at) throw invalid(place, `the member "${shown(name)}" once`);
  }
  return members;
}

function readStep(operation: Operation, limits: BatchLimits): BatchStep {
  const op = valueOf(operation, 'op');
  const allowed = typeof op === 'string' && Object.hasOwn(MEMBERS, op) ? MEMBERS[op] : undefined;
  if (allowed === undefined) throw invalidMember(operation, 'op', '"check", "set", "delete" or "touch"');
  for (const { name } of operation.members) {
    const isKnown = name === 'op' || name === 'key' || allowed.includes(name);
    if (!isKnown) throw invalidMember(operation, name, `no such member in a ${String(op)}`);
  }
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

function textOf({ text, members }: Operation, name: string): string | undefined {
  const member = members.find((one) => one.name === name);
  return member && text.slice(member.start, member.end);
}

/** The value of a member that cannot be an array or an object: those are not parsed, and are like none. */
function valueOf(operation: Operation, name: string): unknown {
  const text = textOf(operation, name);
  if (text === undefined || text.startsWith('[') || text.startsWith('{')) return undefined;
  return text.startsWith('"') ? valueOfString(text) : JSON.parse(text);
}

function keyIn(operation: Operation, bytesMax: number): string {
  const key = valueOf(operation, 'key');
  if (typeof key !== 'string' || findKeyFault(key, bytesMax) !== undefined) {
    throw invalidMember(operation, 'key', `a key of 1 to ${bytesMax} bytes of UTF-8 without control characters`);
  }
  return key;
}

function valueTextIn(operation: Operation, bytesMax: number): string {
  const value = textOf(operation, 'value');
  if (value === undefined) throw invalidMember(operation, 'value', 'any JSON value');
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

function flagIn(operation: Operation, name: string): boolean | undefined {
  if (textOf(operation, name) === undefined) return undefined;
  const flag = valueOf(operation, name);
  if (typeof flag !== 'boolean') throw invalidMember(operation, name, 'true or false');
  return flag;
}

function expiryOf(operation: Operation): Expiry | undefined {
  const [name, other] = EXPIRY_NAMES.filter((one) => textOf(operation, one) !== undefined);
  if (name === undefined) return undefined;
  if (other !== undefined) throw invalidMember(operation, other, `${name} or ${other}, not both`);
  if (name === 'keep_ttl') return keptIf(flagIn(operation, name) ?? false);
  const value = valueOf(operation, name);
  const expiry = name === 'expires_at' && value === null ? keptIf(false) : expiryIn(name, value);
  if (expiry === undefined) throw invalidMember(operation, name, EXPECTED_EXPIRY[name]);
  return expiry;
}

function preconditionIn(operation: Operation): Precondition | undefined {
  const seqText = textOf(operation, 'if_seq');
  const tagText = textOf(operation, 'if_match');
  if (seqText !== undefined && tagText !== undefined) throw invalidMember(operation, 'if_match', 'if_seq or if_match, not both');
  if (seqText !== undefined) return seqConditionIn(operation, seqText);
  if (tagText === undefined) return undefined;
  const tag = valueOf(operation, 'if_match');
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
