/**
 * The body of a revert: `{"to": 41, "prefix": "user/", "if_seq": 57}`. The text is known to be JSON; only the members that belong here are
 * made into values.
 */
import { READ_KEYS_MAX } from '../api/schemas/read.js';
import { AppError } from '../base/app-error.js';
import { compareUtf8 } from '../base/compare-utf8.js';
import { itemsOfJson, membersOfJson, valueOfString } from '../base/json-ranges.js';
import { escapePointer } from '../base/json-schema.js';
import { checkKey } from './key-check.js';
import { momentOf, type PastMoment } from './moments.js';

/** What is to be brought back. */
export interface RevertRequest {
  /** The moment. */
  readonly to: PastMoment;
  /** Only keys that begin with it; undefined: keys with any beginning. */
  readonly prefix: string | undefined;
  /** Only these, ascending by their UTF-8 bytes, each once; undefined: all of them. */
  readonly keys: readonly string[] | undefined;
  /** The line since which no affected key may have changed; undefined: the newest one. */
  readonly ifSeq: number | undefined;
  readonly isDryRun: boolean;
}

/** A member of the body, as text. */
interface Member {
  readonly name: string;
  readonly value: string;
}

const NAMES = ['to', 'prefix', 'keys', 'if_seq', 'dry_run'] as const;
const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,15})$/;
/** Of a member's name in a message. */
const SHOWN_CHARACTERS = 60;

/**
 * Reads the body.
 *
 * @param text valid JSON on one line
 * @param keyBytesMax the longest key, in bytes of UTF-8
 * @throws {AppError} `invalid_body`, `too_many_keys`, `invalid_key`
 */
export function readRevertBody(text: string, keyBytesMax: number): RevertRequest {
  const members = membersIn(text);
  const valueOf = (name: (typeof NAMES)[number]): string | undefined => members.find((member) => member.name === name)?.value;
  const [to, prefix, keys, ifSeq, dryRun] = NAMES.map(valueOf);
  if (to === undefined) throw invalidBody('to', 'this member to be present');
  if (prefix !== undefined && keys !== undefined) throw invalidBody('keys', 'no such member beside "prefix"');
  return {
    to: momentIn(to),
    prefix: prefix === undefined ? undefined : stringIn('prefix', prefix),
    keys: keys === undefined ? undefined : keysIn(keys, keyBytesMax),
    ifSeq: ifSeq === undefined ? undefined : seqIn('if_seq', ifSeq),
    isDryRun: dryRun !== undefined && booleanIn('dry_run', dryRun),
  };
}

function membersIn(text: string): readonly Member[] {
  const start = text.search(/\S/);
  if (text[start] !== '{') throw invalidBody('', 'an object with "to", and perhaps "prefix", "keys", "if_seq" or "dry_run"');
  // One more than there are names: among so many is one that is unknown, or is there twice.
  const members = membersOfJson(text, start, NAMES.length + 1);
  for (const [index, { name }] of members.entries()) {
    if (!NAMES.some((known) => known === name)) throw invalidBody(name, 'no such member');
    if (members.findIndex((one) => one.name === name) < index) throw invalidBody(name, 'the only member of its name');
  }
  return members.map((member) => ({ name: member.name, value: text.slice(member.start, member.end) }));
}

function momentIn(value: string): PastMoment {
  const isText = value.startsWith('"');
  const moment = momentOf(isText ? valueOfString(value) : value);
  if (moment !== undefined && isText !== ('seq' in moment)) return moment;
  throw invalidBody('to', 'a seq, or a time of RFC 3339 such as "2026-11-22T10:00:00Z"');
}

function stringIn(name: string, value: string): string {
  if (!value.startsWith('"')) throw invalidBody(name, 'a string');
  return valueOfString(value);
}

function keysIn(value: string, bytesMax: number): readonly string[] {
  const { count, items } = value.startsWith('[') ? itemsOfJson(value, 0, READ_KEYS_MAX) : { count: 0, items: [] };
  if (count === 0) throw invalidBody('keys', `a list of 1 to ${READ_KEYS_MAX} keys`);
  if (count > READ_KEYS_MAX) {
    throw new AppError('too_many_keys', `Cannot revert ${count} keys by name: the limit is ${READ_KEYS_MAX}; use "prefix"`, {
      facts: { limit: READ_KEYS_MAX, actual: count },
    });
  }
  const keys = items.map(({ start, end }, index) => {
    const key = stringIn(`keys/${index}`, value.slice(start, end));
    checkKey(key, bytesMax, { pointer: `/keys/${index}` });
    return key;
  });
  return [...new Set(keys)].sort(compareUtf8);
}

function seqIn(name: string, value: string): number {
  const seq = Number(value);
  if (!WHOLE_NUMBER.test(value) || !Number.isSafeInteger(seq)) throw invalidBody(name, 'a seq');
  return seq;
}

function booleanIn(name: string, value: string): boolean {
  if (value !== 'true' && value !== 'false') throw invalidBody(name, 'true or false');
  return value === 'true';
}

/**
 * The refusal of a body.
 *
 * @param name of the member; empty for the body itself
 */
export function invalidBody(name: string, expected: string): AppError {
  // It is the client's, and may be as long as the body.
  const shown = name.slice(0, SHOWN_CHARACTERS);
  const pointer = name === '' ? '' : `/${name.startsWith('keys/') ? shown : escapePointer(shown)}`;
  const place = pointer === '' ? '' : `at "${pointer}" `;
  return new AppError('invalid_body', `Cannot read the body: ${place}expected ${expected}`, { facts: { pointer, expected } });
}
