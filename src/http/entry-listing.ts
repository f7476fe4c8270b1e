/**
 * The text of listings of whole entries: key, version, time and value, as an array or one entry a line. Built piece by piece, like
 * the other listings.
 */
import { entryText } from '../api/entry-text.js';
import { type Admission, PIECE_VALUE_BYTES_MAX, type ReadPiece } from '../store/project-reads.js';
import {
  ARRAY, type Frame, type ListingRange, type ListingText, PIECE_KEYS_MAX, type ReadableKeys, type TextPieces, writeText,
} from './listing-text.js';

interface EntriesForm {
  /** True: one entry a line. False: an array. */
  readonly isLines: boolean;
  /** Reserves memory; called before anything is loaded. */
  readonly admit: Admission;
  /** Awaited before each piece. */
  readonly nextTurn: () => Promise<void>;
}

/** The text of an entry besides key and value, at most, in bytes. */
const ENTRY_BYTES = 128;
const PIECE_BYTES = PIECE_KEYS_MAX * ENTRY_BYTES;
const LINES: Frame = { open: '', close: '' };

/** Writes the entries of a range. */
export function writeEntries(store: ReadableKeys, range: ListingRange, form: EntriesForm): Promise<ListingText> {
  return write(form, (admit) => entriesOf(store, range, { ...form, admit }));
}

/**
 * Writes the entries of a page. A key that was deleted meanwhile is left out.
 *
 * @param keys the keys of the page, from `fixPage`
 */
export function writeEntryPage(store: ReadableKeys, keys: readonly string[], form: EntriesForm): Promise<ListingText> {
  return write(form, (admit) => entriesOfPage(store, keys, { ...form, admit }));
}

/** Every piece reserves the same, except for a single long value: a continuing answer then keeps its reservation. */
function write({ isLines, admit }: EntriesForm, piecesWith: (admit: Admission) => TextPieces): Promise<ListingText> {
  const admitPiece: Admission = (sizeBytes) => admit(Math.max(PIECE_VALUE_BYTES_MAX, sizeBytes) + PIECE_BYTES);
  return writeText(piecesWith(admitPiece), isLines ? LINES : ARRAY, admitPiece);
}

async function* entriesOf({ reads }: ReadableKeys, range: ListingRange, { isLines, admit, nextTurn }: EntriesForm): TextPieces {
  for (let from = range; ;) {
    await nextTurn();
    const { entries, isLast } = await reads.readPiece(from, PIECE_KEYS_MAX, admit);
    yield { text: textOf(entries, isLines), isLast };
    const last = entries.at(-1);
    if (isLast || last === undefined) return;
    from = { ...range, after: last[0] };
  }
}

async function* entriesOfPage({ reads }: ReadableKeys, keys: readonly string[], { isLines, admit, nextTurn }: EntriesForm): TextPieces {
  for (let first = 0; first < keys.length;) {
    await nextTurn();
    const { entries, doneCount } = await reads.readKeys(keys.slice(first, first + PIECE_KEYS_MAX), admit);
    first += doneCount;
    yield { text: textOf(entries, isLines), isLast: first >= keys.length };
  }
}

/** In an array, a comma comes before each entry; in lines, a line feed comes after it. */
function textOf(entries: ReadPiece['entries'], isLines: boolean): Buffer {
  const [before, after] = isLines ? ['', '\n'] : [',', ''];
  return Buffer.from(entries.map(([key, entry]) => before + entryText({ key, ...entry }) + after).join(''));
}
