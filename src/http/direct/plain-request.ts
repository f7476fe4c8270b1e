/**
 * Recognises the plainest requests in the bytes of a connection: those for a single key, complete, alone, and written as most clients
 * write them. Everything else, well-formed or not, is left to Node's parser. So this is no second opinion on what a request means: what it
 * accepts is a small part of RFC 9112 that leaves nothing to interpret, and a doubt costs time only.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { PROJECTS_PATH } from '../../api/paths.js';

/** A header. */
interface HeaderLine {
  /** With the end of the line. */
  readonly text: string;
  readonly name: string;
  /** The name in lower case. */
  readonly lower: string;
  readonly value: string;
}

/** The headers of a request, as both of Node's forms. */
export interface PlainHeaders {
  /** What they were read from. A client sends the same ones again and again, or nearly so. */
  readonly text: string;
  readonly lines: readonly HeaderLine[];
  /** Names and values alternate. */
  readonly raw: string[];
  /** By name in lower case. */
  readonly byName: IncomingHttpHeaders;
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

/** A longer head is left to Node, which has the limit of the configuration. */
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

/**
 * Reads a request.
 *
 * @param chunk everything that has arrived since the answer to the last one
 * @param known the headers of an earlier request of this connection; null for none
 * @returns undefined unless these bytes are exactly one plain request, and nothing more
 */
export function readPlainRequest(chunk: Buffer, known: PlainHeaders | null): PlainRequest | undefined {
  const text = chunk.toString('latin1', 0, HEAD_BYTES_MAX);
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
  const lines = text.slice(lineEnd + LINE_END.length, headEnd + LINE_END.length);
  const headers = known !== null && known.text === lines ? known : readHeaders(lines, known);
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
    const before = known?.lines[lines.length];
    const line = before !== undefined && text.startsWith(before.text, start) ? before : readLine(text, start);
    // What to do about a repeated header, each of them decides for itself.
    if (line === undefined || Object.hasOwn(byName, line.lower)) return undefined;
    lines.push(line);
    raw.push(line.name, line.value);
    byName[line.lower] = line.value;
    start += line.text.length;
  }
  const { connection = KEEP_ALIVE, 'content-length': length = '0' } = byName;
  if (lines.length > HEADERS_MAX || connection.toLowerCase() !== KEEP_ALIVE || !LENGTH.test(length)) return undefined;
  return { text, lines, raw, byName, bodyBytes: Number(length) };
}

function readLine(text: string, start: number): HeaderLine | undefined {
  HEADER_LINE.lastIndex = start;
  if (!HEADER_LINE.test(text)) return undefined;
  const end = HEADER_LINE.lastIndex;
  const colon = text.indexOf(':', start);
  const name = text.slice(start, colon);
  const value = text.slice(text.startsWith(' ', colon + 1) ? colon + 2 : colon + 1, end - LINE_END.length);
  const lower = name.toLowerCase();
  if (REFUSED.has(lower) || value === '' || BLANK_AT_AN_END.test(value)) return undefined;
  return { text: text.slice(start, end), name, lower, value };
}
