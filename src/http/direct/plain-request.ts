/**
 * Recognises the plainest requests in the bytes of a connection: those for a single key, complete, alone, and written as most clients
 * write them. Everything else, well-formed or not, is left to Node's parser. So this is no second opinion on what a request means: what it
 * accepts is a small part of RFC 9112 that leaves nothing to interpret, and a doubt costs time only.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { PROJECTS_PATH } from '../../api/paths.js';
import { pickHeaders, type RequestHeaders } from '../request-headers.js';

/** Where a header is in the text. */
interface HeaderLine {
  readonly start: number;
  /** Of the colon. */
  readonly colon: number;
  /** Of the value. */
  readonly from: number;
  /** After the end of the line. */
  readonly end: number;
  /** The name in lower case. */
  readonly lower: string;
}

/** The headers of a request, as both of Node's forms. */
export interface PlainHeaders {
  /**
   * What they were read from, and nothing else: names and values are slices of it, and keep it in memory. A client sends the same headers
   * again and again, or nearly so.
   */
  readonly text: string;
  readonly lines: readonly HeaderLine[];
  /** Names and values alternate. */
  readonly raw: string[];
  /** By name in lower case. */
  readonly byName: IncomingHttpHeaders;
  /** Those that must not be repeated. */
  readonly picked: RequestHeaders;
  /** Length of the body, in bytes. */
  readonly bodyBytes: number;
}

/** A request that was recognised. */
export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: PlainHeaders;
  readonly body: Buffer;
}

/** A longer head is left to Node. */
const HEAD_BYTES_MAX = 8192;
const HEADERS_MAX = 48;
const LINE_END = '\r\n';
const HEAD_END = '\r\n\r\n';
const VERSION = ' HTTP/1.1';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const TARGET_START = `${PROJECTS_PATH}/`;
/** No fragment, and nothing beyond visible ASCII. */
const TARGET = /^[!"$-~]+$/;
/** A name, a colon and a value of printable ASCII; no folding, no other end of a line. */
const HEADER_LINE = /[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n/y;
const BLANK_AT_AN_END = /^[\t ]|[\t ]$/;
const LENGTH = /^(?:0|[1-9][0-9]{0,8})$/;
/** Headers about the connection, the framing of the body, or a protocol to come. `Connection: keep-alive` says what is so anyway. */
const REFUSED: ReadonlySet<string> = new Set([
  'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings',
]);
const KEEP_ALIVE = 'keep-alive';
/** Names that clients use are few; a client that makes up more of them pays for each. */
const NAMES_MAX = 256;
const names = new Map<string, string>();

/** What the bytes are compared with. */
interface ReadOptions {
  /** The headers of an earlier request of this connection; null for none. */
  readonly known: PlainHeaders | null;
  /** Longest head, in bytes. */
  readonly headBytesMax: number;
}

/**
 * Reads a request.
 *
 * @param chunk everything that has arrived since the answer to the last one
 * @returns undefined unless these bytes are exactly one plain request, and nothing more
 */
export function readPlainRequest(chunk: Buffer, { known, headBytesMax }: ReadOptions): PlainRequest | undefined {
  const text = chunk.toString('latin1', 0, Math.min(headBytesMax, HEAD_BYTES_MAX));
  const lineEnd = text.indexOf(LINE_END);
  const headEnd = text.indexOf(HEAD_END, lineEnd);
  const targetStart = text.indexOf(' ') + 1;
  const targetEnd = lineEnd - VERSION.length;
  // Without a header, the end of the line is that of the head.
  if (lineEnd === -1 || headEnd <= lineEnd || targetEnd <= targetStart) return undefined;
  const method = text.slice(0, targetStart - 1);
  if (!METHODS.has(method) || !text.startsWith(TARGET_START, targetStart) || !text.startsWith(VERSION, targetEnd)) return undefined;
  const target = text.slice(targetStart, targetEnd);
  if (!TARGET.test(target)) return undefined;
  const linesStart = lineEnd + LINE_END.length;
  const linesEnd = headEnd + LINE_END.length;
  const isKnown = known !== null && known.text.length === linesEnd - linesStart && text.startsWith(known.text, linesStart);
  // Headers are kept by the connection, so they are made of bytes of their own: a slice would keep all of the text.
  const headers = isKnown ? known : readHeaders(chunk.toString('latin1', linesStart, linesEnd), known);
  if (headers === undefined || (headers.bodyBytes > 0 && BODILESS.has(method))) return undefined;
  const bodyStart = headEnd + HEAD_END.length;
  if (chunk.length !== bodyStart + headers.bodyBytes) return undefined;
  return { method, target, headers, body: chunk.subarray(bodyStart) };
}

function readHeaders(text: string, known: PlainHeaders | null): PlainHeaders | undefined {
  const lines: HeaderLine[] = [];
  const raw: string[] = [];
  const byName: Record<string, string> = {};
  for (let start = 0; start < text.length;) {
    const line = sameLine(text, start, known, lines.length) ?? readLine(text, start);
    // What to do about a repeated header, each of them decides for itself.
    if (line === undefined || Object.hasOwn(byName, line.lower)) return undefined;
    const value = text.slice(line.from, line.end - LINE_END.length);
    lines.push(line);
    raw.push(text.slice(start, line.colon), value);
    byName[line.lower] = value;
    start = line.end;
  }
  const { connection = KEEP_ALIVE, 'content-length': length = '0' } = byName;
  if (lines.length > HEADERS_MAX || connection.toLowerCase() !== KEEP_ALIVE || !LENGTH.test(length)) return undefined;
  return { text, lines, raw, byName, picked: pickHeaders(raw), bodyBytes: Number(length) };
}

/** A line that stood at the same place among those before need not be read again. */
function sameLine(text: string, start: number, known: PlainHeaders | null, index: number): HeaderLine | undefined {
  const before = known?.lines[index];
  if (known === null || before === undefined) return undefined;
  if (!text.startsWith(known.text.slice(before.start, before.end), start)) return undefined;
  const moved = start - before.start;
  if (moved === 0) return before;
  const { colon, from, end, lower } = before;
  return { start, colon: colon + moved, from: from + moved, end: end + moved, lower };
}

function readLine(text: string, start: number): HeaderLine | undefined {
  HEADER_LINE.lastIndex = start;
  if (!HEADER_LINE.test(text)) return undefined;
  const end = HEADER_LINE.lastIndex;
  const colon = text.indexOf(':', start);
  const from = text.startsWith(' ', colon + 1) ? colon + 2 : colon + 1;
  const value = text.slice(from, end - LINE_END.length);
  const lower = lowerName(text.slice(start, colon));
  if (REFUSED.has(lower) || value === '' || BLANK_AT_AN_END.test(value)) return undefined;
  return { start, colon, from, end, lower };
}

/** Returns the name in lower case, as a string of its own: a slice would keep what it was read from. */
function lowerName(name: string): string {
  const lower = name.toLowerCase();
  const known = names.get(lower);
  if (known !== undefined) return known;
  const own = Buffer.from(lower, 'latin1').toString('latin1');
  if (names.size < NAMES_MAX) names.set(own, own);
  return own;
}
