/**
 * Finds where the values in JSON text begin and end, so that they can be kept as they were sent: parsing and printing them again would
 * round numbers, drop duplicate members and reorder names. Iterative, so that nesting costs no stack.
 */

/** A range of a text, in UTF-16 units. */
interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: its name, and the range of its value. */
interface JsonMember extends TextRange {
  readonly name: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BRACKET_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
/** Space, tab, CR and LF; no other character of valid JSON outside strings is as low. */
const SPACE = 0x20;

/**
 * Returns the end of the value that begins at a position.
 *
 * @param text valid JSON around the value; any other text gives some position, at most its length
 */
export function endOfJsonValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else {
      if (unit === BRACE_OPEN || unit === BRACKET_OPEN) depth += 1;
      else if (unit === BRACE_CLOSE || unit === BRACKET_CLOSE) depth -= 1;
      else if (depth === 0) return endOfScalar(text, at);
      at += 1;
    }
  } while (depth > 0 && at < text.length);
  return Math.min(at, text.length);
}

/** Returns the position behind the closing quote of the string that begins at a position. */
export function endOfString(text: string, start: number): number {
  for (let at = start; ;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) return text.length;
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    // Of the backslashes before it, every other one is itself escaped.
    if ((at - before) % 2 === 0) return at + 1;
  }
}

function endOfScalar(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit <= SPACE || unit === COMMA || unit === BRACE_CLOSE || unit === BRACKET_CLOSE) return at;
  }
  return text.length;
}

/**
 * Returns where the next member or item begins, or the closing bracket.
 *
 * @param end of the value of the one before
 */
export function nextItem(text: string, end: number): number {
  const next = skipSpace(text, end);
  return text.charCodeAt(next) === COMMA ? skipSpace(text, next + 1) : next;
}

/** Returns the value of a JSON string. Without escapes, that is what stands between its quotation marks. */
export function valueOfString(text: string): string {
  return text.includes('\\') ? JSON.parse(text) as string : text.slice(1, -1);
}

/**
 * Returns the members of an object in their order, repeated ones too.
 *
 * @param text valid JSON
 * @param start where the object begins
 * @param max how many are wanted at most
 */
export function membersOfJson(text: string, start: number, max = Infinity): readonly JsonMember[] {
  const members: JsonMember[] = [];
  for (let at = skipSpace(text, start + 1); text.charCodeAt(at) !== BRACE_CLOSE && members.length < max; at = nextItem(text, at)) {
    const nameEnd = endOfString(text, at);
    const name = valueOfString(text.slice(at, nameEnd));
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    at = endOfJsonValue(text, valueStart);
    members.push({ name, start: valueStart, end: at });
  }
  return members;
}

/** The items of an array. */
interface JsonItems {
  /** How many there are. */
  readonly count: number;
  /** The ranges of the first ones. */
  readonly items: readonly TextRange[];
}

/**
 * Finds the items of an array.
 *
 * @param text valid JSON
 * @param start where the array begins
 * @param max how many ranges are wanted; the others are only counted
 */
export function itemsOfJson(text: string, start: number, max = Infinity): JsonItems {
  const items: TextRange[] = [];
  let count = 0;
  for (let at = skipSpace(text, start + 1); text.charCodeAt(at) !== BRACKET_CLOSE; at = nextItem(text, at)) {
    const end = endOfJsonValue(text, at);
    if (count < max) items.push({ start: at, end });
    count += 1;
    at = end;
  }
  return { count, items };
}

/** Returns the position of the next character that is no space. */
export function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) <= SPACE) at += 1;
  return at;
}
