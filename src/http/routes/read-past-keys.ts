/**
 * Reads of many keys as they were. The histories of a few keys answer at once; for more, the state is built, and serves the next read too.
 */
import type { AT_PARAMETERS } from '../../api/specs/keys.js';
import { countFitting } from '../../store/past-reads.js';
import { type Admission, PIECE_VALUE_BYTES_MAX, reserve } from '../../store/project-reads.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE, uncached } from '../json-answer.js';
import { type Frame, PIECE_KEYS_MAX, type TextPieces, writeText } from '../listing-text.js';
import { momentIn, seqOfMoment } from '../moments.js';
import { AT, atHeader, leasePast } from '../open-past.js';
import { entryOfRead, pieceOfRead, textBytesOf } from '../read-answer.js';
import type { ReadRequest } from '../read-request.js';
import { findPastKey, type PastKeyParts } from './get-past-key.js';

const OK = 200;
/** Keys whose histories are searched; each may take a good part of a second in a long log. */
const HISTORIES_MAX = 4;
const NO_FRAME: Frame = { open: '', close: '' };

/** A read at a moment. */
interface PastRead extends ReadRequest {
  readonly exchange: Exchange;
  readonly parts: ReadPastParts;
  readonly seq: number;
  readonly admit: Admission;
}

type ReadPastParts = PastKeyParts & Pick<HttpParts, 'turns'>;

/** Answers a read of many keys at a moment. */
export async function readPastKeys(exchange: Exchange, parts: ReadPastParts, request: ReadRequest): Promise<Answer> {
  const { at = '' } = exchange.query as Partial<Record<keyof typeof AT_PARAMETERS, string>>;
  const seq = await seqOfMoment(storeOf(exchange), AT, momentIn(AT, at));
  const textBytes = textBytesOf(request.keys);
  const admit: Admission = (sizeBytes) => (
    parts.longAnswers.reserve(exchange, Math.max(PIECE_VALUE_BYTES_MAX, sizeBytes) + textBytes)
  );
  const read = { ...request, exchange, parts, seq, admit };
  const pieces = request.keys.length <= HISTORIES_MAX ? piecesOfHistories(read) : await piecesOfState(read);
  return { status: OK, headers: [...uncached(JSON_TYPE), ...atHeader(seq)], body: await writeText(pieces, NO_FRAME, admit) };
}

/** One piece: a key that cannot be found out is answered as a problem, although it is not the first. */
async function* piecesOfHistories({ exchange, parts, keys, withValues, seq, admit }: PastRead): TextPieces {
  const texts: string[] = [];
  let sizeBytes = 0;
  for (const key of keys) {
    await parts.turns.next();
    const entry = await findPastKey(exchange, parts, { key, seq, admit: (moreBytes) => admit(sizeBytes + moreBytes) });
    const value = withValues ? entry?.value : undefined;
    texts.push(entryOfRead(key, entry, value));
    sizeBytes += value?.length ?? 0;
  }
  await admit(sizeBytes);
  yield pieceOfRead(seq, texts, { isFirst: true, isLast: true });
}

/** The state is there before the first piece, so that what prevents it is answered as a problem. */
async function piecesOfState(read: PastRead): Promise<TextPieces> {
  const { exchange, parts, keys, withValues, seq, admit } = read;
  const state = await leasePast(exchange, parts, seq);
  return (async function* (): TextPieces {
    for (let first = 0; first < keys.length;) {
      await parts.turns.next();
      const found = await Promise.all(keys.slice(first, first + PIECE_KEYS_MAX).map((key) => state.get(key)));
      const count = withValues ? countFitting(found.map((entry) => entry?.sizeBytes ?? 0)) : found.length;
      const entries = found.slice(0, count).filter((entry) => entry !== undefined);
      const sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
      if (withValues) await reserve(admit, sizeBytes);
      const values = withValues ? await state.load(entries) : [];
      let loaded = 0;
      const texts = found.slice(0, count).map((entry, index) => {
        const value = entry === undefined ? undefined : values[loaded];
        if (entry !== undefined) loaded += 1;
        return entryOfRead(keys[first + index] ?? '', entry, value);
      });
      yield pieceOfRead(seq, texts, { isFirst: first === 0, isLast: first + count === keys.length });
      first += count;
    }
  })();
}
