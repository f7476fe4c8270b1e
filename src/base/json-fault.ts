/**
 * Locates the first syntax error in JSON text (RFC 8259). The engine's own message often has no position, and quotes the text.
 * Iterative, so that nesting costs no stack. It also runs in browsers.
 */

/** The first syntax error of a text. */
export interface JsonFault {
  /** Bytes before it. */
  readonly offset: number;
  /** From 1; lines end with LF. */
  readonly line: number;
  /** From 1, in characters (code points). */
  readonly column: number;
  /** What is valid there, as a phrase. */
  readonly expected: string;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_CLOSE = 0x5d;
const LETTER_U = 0x75;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
/** The bit that makes an ASCII letter lower case. */
const SMALL_LETTER = 0x20;
const LETTER_E = 0x65;
const ESCAPE_DIGITS = 4;
/** UTF-8: the bytes of a character after its first are `10xxxxxx`. */
const CONTINUATION_MASK = 0xc0;
const CONTINUATION = 0x80;

const LITERALS: readonly (readonly number[])[] = ['true', 'false', 'null'].map((word) => [...new TextEncoder().encode(word)]);
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(new TextEncoder().encode('"\\/bfnrt'));

/** What is valid next. */
type Due = 'value' | 'value_or_end' | 'name' | 'name_or_end' | 'colon' | 'after_value';

const EXPECTED: Readonly<Record<Due, string>> = {
  value: 'a value',
  value_or_end: 'a value or "]"',
  name: 'a name in double quotes',
  name_or_end: 'a name in double quotes or "}"',
  colon: '":"',
  after_value: 'the end of the text',
};

/** The state of the scan. It stops at a fault, with `expected` set. */
interface Scan {
  readonly bytes: Uint8Array;
  at: number;
  expected: string | undefined;
  due: Due;
  /** The open arrays and objects, outermost first, by their opening bytes. */
  readonly open: number[];
}

/**
 * Finds the first fault in a text that should be one JSON value; undefined for valid JSON.
 *
 * @param bytes valid UTF-8
 */
export function findJsonFault(bytes: Uint8Array): JsonFault | undefined {
  const scan: Scan = { bytes, at: 0, expected: undefined, due: 'value', open: [] };
  let finished = false;
  while (!finished && scan.expected === undefined) {
    skipSpace(scan);
    const byte = bytes[scan.at];
    finished = byte === undefined && scan.due === 'after_value' && scan.open.length === 0;
    if (!finished) step(scan, byte);
  }
  return scan.expected === undefined ? undefined : { offset: scan.at, ...positionOf(bytes, scan.at), expected: scan.expected };
}

/** Consumes one token, or sets the fault. */
function step(scan: Scan, byte: number | undefined): void {
  switch (scan.due) {
    case 'value':
      return takeValue(scan, byte);
    case 'value_or_end':
      return byte === BRACKET_CLOSE ? close(scan) : takeValue(scan, byte);
    case 'name':
    case 'name_or_end':
      if (byte === BRACE_CLOSE && scan.due === 'name_or_end') return close(scan);
      return byte === QUOTE ? takeString(scan, 'colon') : fail(scan);
    case 'colon':
      return byte === COLON ? move(scan, 'value') : fail(scan);
    case 'after_value':
      return afterValue(scan, byte);
  }
}

function fail(scan: Scan, expected: string = EXPECTED[scan.due]): void {
  scan.expected = expected;
}

function move(scan: Scan, due: Due): void {
  scan.at += 1;
  scan.due = due;
}

function close(scan: Scan): void {
  scan.open.pop();
  move(scan, 'after_value');
}

function afterValue(scan: Scan, byte: number | undefined): void {
  const around = scan.open.at(-1);
  if (around === undefined) return fail(scan);
  if (byte === COMMA) return move(scan, around === BRACE_OPEN ? 'name' : 'value');
  const end = around === BRACE_OPEN ? BRACE_CLOSE : BRACKET_CLOSE;
  return byte === end ? close(scan) : fail(scan, `"," or "${String.fromCharCode(end)}"`);
}

function takeValue(scan: Scan, byte: number | undefined): void {
  if (byte === undefined) return fail(scan);
  if (byte === QUOTE) return takeString(scan, 'after_value');
  if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
    scan.open.push(byte);
    return move(scan, byte === BRACE_OPEN ? 'name_or_end' : 'value_or_end');
  }
  if (byte === MINUS || isDigit(byte)) return takeNumber(scan);
  const literal = LITERALS.find((word) => word[0] === byte);
  return literal === undefined ? fail(scan) : takeLiteral(scan, literal);
}

function takeLiteral(scan: Scan, word: readonly number[]): void {
  for (const byte of word) {
    if (scan.bytes[scan.at] !== byte) return fail(scan, `"${String.fromCharCode(...word)}"`);
    scan.at += 1;
  }
  scan.due = 'after_value';
}

function takeNumber(scan: Scan): void {
  if (scan.bytes[scan.at] === MINUS) scan.at += 1;
  // A leading zero is the whole integer part: a digit after it is a fault of its own.
  if (scan.bytes[scan.at] === DIGIT_0) scan.at += 1;
  else if (!takeDigits(scan)) return;
  if (scan.bytes[scan.at] === POINT) {
    scan.at += 1;
    if (!takeDigits(scan)) return;
  }
  if (((scan.bytes[scan.at] ?? 0) | SMALL_LETTER) === LETTER_E) {
    scan.at += 1;
    const sign = scan.bytes[scan.at];
    if (sign === PLUS || sign === MINUS) scan.at += 1;
    if (!takeDigits(scan)) return;
  }
  scan.due = 'after_value';
}

/** Consumes one or more digits. */
function takeDigits(scan: Scan): boolean {
  const first = scan.at;
  while (isDigit(scan.bytes[scan.at])) scan.at += 1;
  if (scan.at === first) fail(scan, 'a digit');
  return scan.at > first;
}

function takeString(scan: Scan, due: Due): void {
  scan.at += 1;
  for (;;) {
    const byte = scan.bytes[scan.at];
    if (byte === undefined) return fail(scan, 'the closing double quote');
    if (byte < SPACE) return fail(scan, 'no control character in a string; write it as an escape');
    if (byte === QUOTE) return move(scan, due);
    scan.at += 1;
    if (byte === BACKSLASH && !takeEscape(scan)) return;
  }
}

function takeEscape(scan: Scan): boolean {
  const byte = scan.bytes[scan.at];
  if (byte === undefined || (byte !== LETTER_U && !SIMPLE_ESCAPES.has(byte))) {
    fail(scan, 'one of " \\ / b f n r t u after the backslash');
    return false;
  }
  scan.at += 1;
  if (byte !== LETTER_U) return true;
  for (let digit = 0; digit < ESCAPE_DIGITS; digit += 1) {
    if (!isHexDigit(scan.bytes[scan.at])) {
      fail(scan, 'four hexadecimal digits after "\\u"');
      return false;
    }
    scan.at += 1;
  }
  return true;
}

function skipSpace(scan: Scan): void {
  let byte = scan.bytes[scan.at];
  while (byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB) {
    scan.at += 1;
    byte = scan.bytes[scan.at];
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}

function isHexDigit(byte: number | undefined): boolean {
  return byte !== undefined && /^[0-9A-Fa-f]$/.test(String.fromCharCode(byte));
}

function positionOf(bytes: Uint8Array, offset: number): { readonly line: number; readonly column: number } {
  let line = 1;
  let column = 1;
  for (let index = 0; index < offset; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte === LINE_FEED) {
      line += 1;
      column = 1;
    } else if ((byte & CONTINUATION_MASK) !== CONTINUATION) {
      column += 1;
    }
  }
  return { line, column };
}
