/**
 * The route that reads many keys at once: all versions are those of one moment, and the values follow in pieces.
 */
import { READ_BODY_BYTES_MAX } from '../../api/schemas/read.js';
import type { HeldKeys } from '../../store/held-keys.js';
import { type Admission, PIECE_VALUE_BYTES_MAX } from '../../store/project-reads.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE, uncached } from '../json-answer.js';
import { type Frame, type TextPieces, writeText } from '../listing-text.js';
import type { LongAnswers } from '../long-answers.js';
import { NO_PARAMETERS } from '../query.js';
import { readReadRequest, type ReadRequest } from '../read-request.js';
import { entryOfRead, pieceOfRead, textBytesOf } from '../read-answer.js';
import { readValueBytes } from '../request-body.js';
import type { RouteHandler } from '../route-handlers.js';
import { readPastKeys } from './read-past-keys.js';

const OK = 200;
const NO_FRAME: Frame = { open: '', close: '' };

type ReadParts = Pick<HttpParts, 'options' | 'turns' | 'projects'> & { readonly longAnswers: LongAnswers };

/** A read whose versions are fixed. */
interface FixedRead extends ReadRequest {
  readonly seq: number;
  readonly held: HeldKeys;
}

/** Returns the handler of `POST /projects/{id}/read`. */
export function readKeys(parts: ReadParts): RouteHandler {
  return { handle: (exchange) => answerRead(exchange, parts) };
}

async function answerRead(exchange: Exchange, parts: ReadParts): Promise<Answer> {
  const { options, turns, longAnswers } = parts;
  const request = readReadRequest(await readValueBytes(exchange, READ_BODY_BYTES_MAX), options.keyBytesMax);
  if (exchange.query !== NO_PARAMETERS) return await readPastKeys(exchange, parts, request);
  const store = storeOf(exchange);
  const held = store.reads.hold(request.keys);
  exchange.onEnd(() => held.release());
  const read = { ...request, held, seq: store.seq };
  const textBytes = textBytesOf(request.keys);
  const admit: Admission = (sizeBytes) => longAnswers.reserve(exchange, Math.max(PIECE_VALUE_BYTES_MAX, sizeBytes) + textBytes);
  const pieces = request.withValues ? piecesOf(read, admit, () => turns.next()) : versionsOf(read);
  return { status: OK, headers: uncached(JSON_TYPE), body: await writeText(pieces, NO_FRAME, admit) };
}

/** Releases the keys with the last piece, before the client has taken it. */
async function* piecesOf(read: FixedRead, admit: Admission, nextTurn: () => Promise<void>): TextPieces {
  const { keys, held } = read;
  for (let first = 0; first < keys.length;) {
    await nextTurn();
    const { entries, doneCount, isLast } = await held.read(first, admit);
    if (isLast) held.release();
    const texts: string[] = [];
    let found = 0;
    for (let at = first; at < first + doneCount; at += 1) {
      const value = held.versions[at] === undefined ? undefined : entries[found]?.[1].value;
      if (value !== undefined) found += 1;
      texts.push(entryOfRead(keys[at] ?? '', held.versions[at], value));
    }
    yield pieceOfRead(read.seq, texts, { isFirst: first === 0, isLast });
    first += doneCount;
  }
}

async function* versionsOf(read: FixedRead): TextPieces {
  read.held.release();
  const texts = read.keys.map((key, at) => entryOfRead(key, read.held.versions[at]));
  yield pieceOfRead(read.seq, texts, { isFirst: true, isLast: true });
}
