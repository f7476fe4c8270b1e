/**
 * Reads of keys as they were. The history of a key answers at once, and nothing is built; only where the log has lost its beginning, and
 * says nothing about the key, a snapshot must have it, and a state is built from that.
 */
import type { AT_PARAMETERS } from '../../api/specs/keys.js';
import { AppError } from '../../base/app-error.js';
import { type PastValue, readPastKey } from '../../store/past-key.js';
import { type Admission, reserve } from '../../store/project-reads.js';
import { type Answer, type Exchange, keyOf, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE } from '../json-answer.js';
import { type LongAnswers, SHORT_TEXT_CHARACTERS } from '../long-answers.js';
import { momentIn, seqOfMoment } from '../moments.js';
import { AT, atHeader, leasePast } from '../open-past.js';
import { isNotModified } from '../precondition.js';
import { versionHeaders } from '../version-headers.js';

const OK = 200;
const NOT_MODIFIED = 304;

/** What such reads need. */
export type PastKeyParts = Pick<HttpParts, 'projects'> & { readonly longAnswers: LongAnswers };

/**
 * Answers a read of a key at a moment.
 *
 * @throws {AppError} `invalid_query`, `key_not_found`, and as `Projects.pastState`
 */
export async function getPastKey(exchange: Exchange, parts: PastKeyParts): Promise<Answer> {
  const { at = '' } = exchange.query as Partial<Record<keyof typeof AT_PARAMETERS, string>>;
  const seq = await seqOfMoment(storeOf(exchange), AT, momentIn(AT, at));
  const admit: Admission = (sizeBytes) => parts.longAnswers.reserve(exchange, sizeBytes);
  const found = await findPastKey(exchange, parts, { key: keyOf(exchange), seq, admit });
  if (found === undefined) throw new AppError('key_not_found', `There was no such key in this project at seq ${seq}`);
  const { value } = found;
  const headers = [...versionHeaders(found), ...atHeader(seq)];
  if (isNotModified(exchange.request.headers, found)) return { status: NOT_MODIFIED, headers, body: null };
  headers.push('Content-Type', JSON_TYPE);
  if (exchange.request.method === 'HEAD') return { status: OK, headers, body: null, headBytes: Buffer.byteLength(value) };
  if (value.length > SHORT_TEXT_CHARACTERS) await admit(value.length);
  return { status: OK, headers, body: value };
}

/** A key to find. */
interface WantedKey {
  readonly key: string;
  /** The line after which. */
  readonly seq: number;
  /** Reserves memory for its value. */
  readonly admit: Admission;
}

/** Finds a key as it was; undefined if it did not exist. */
export async function findPastKey(
  exchange: Exchange, parts: Pick<HttpParts, 'projects'>, { key, seq, admit }: WantedKey,
): Promise<PastValue | undefined> {
  const found = await readPastKey(storeOf(exchange), key, seq, admit);
  if (found.isKnown) return found.entry;
  const state = await leasePast(exchange, parts, seq);
  const entry = await state.get(key);
  if (entry === undefined) return undefined;
  await reserve(admit, entry.sizeBytes);
  const [value = ''] = await state.load([entry]);
  return { seq: entry.seq, tag: entry.tag, timeMs: entry.timeMs, expiresAtMs: entry.expiresAtMs, value };
}
