/**
 * Recognises the plainest requests in the bytes of a connection: those for a project, complete, alone, and written as most clients
 * write them. Everything else, well-formed or not, is left to Node's parser. So this is no second opinion on what a request means: what it
 * accepts is a small part of RFC 9112 that leaves nothing to interpret, and a doubt costs time only.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { PROJECTS_PATH } from '../../api/paths.js';
import { isPicked, pickHeaders, type RequestHeaders } from '../request-headers.js';

/** A line with a header. */
interface HeaderLine {
  /** With its end. */
  readonly text: string;
  readonly name: string;
  /** The name in lower case. */
  readonly lower: string;
  readonly value: string;
}

/** The headers of a request, as both of Node's forms. */
interface PlainHeaders {
  /** Names and values alternate. */
  readonly raw: string[];
  /** By name in lower case. */
  readonly byName: IncomingHttpHeaders;
  /** Those that must not be repeated. */
  readonly picked: RequestHeaders;
  /** Length of the body, in bytes. */
  readonly bodyBytes: number;
}

/** The headers of an earlier request. A client sends the same ones again and again, or some of them with other values. */
export interface KnownHeaders {
  /** What they were read from, and nothing else: names and values are slices of it, and keep it in memory. */
  readonly text: string;
  readonly lines: readonly HeaderLine[];
  readonly headers: PlainHeaders;
}

/** A request that was recognised. */
export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: PlainHeaders;
  readonly body: Buffer;
  /** What to compare the next request with. */
  readonly known: KnownHeaders;
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
  /** From the request before on this connection; null for none. */
  readonly known: KnownHeaders | null;
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
  const isSame = known !== null && known.text.length === linesEnd - linesStart && text.startsWith(known.text, linesStart);
  // Headers are kept by the connection, so they are made of bytes of their own: a slice would keep all of the text.
  const read = isSame ? { headers: known.headers, known } : readHeaders(chunk.toString('latin1', linesStart, linesEnd), known);
  if (read === undefined || (read.headers.bodyBytes > 0 && BODILESS.has(method))) return undefined;
  const bodyStart = headEnd + HEAD_END.length;
  if (chunk.length !== bodyStart + read.headers.bodyBytes) return undefined;
  return { method, target, headers: read.headers, body: chunk.subarray(bodyStart), known: read.known };
}

function readHeaders(text: string, known: KnownHeaders | null): Pick<PlainRequest, 'headers' | 'known'> | undefined {
  if (known !== null) {
    const headers = readOtherValues(text, known);
    // What they were compared with stays: were it replaced by what differs from it, each request could add to what the connection keeps.
    if (headers !== undefined) return { headers, known };
  }
  const lines: HeaderLine[] = [];
  const raw: string[] = [];
  const byName: Record<string, string> = {};
  for (let at = 0; at < text.length;) {
    const line = readLine(text, at);
    // What to do about a repeated header, each of them decides for itself.
    if (line === undefined || lines.length === HEADERS_MAX || Object.hasOwn(byName, line.lower)) return undefined;
    lines.push(line);
    raw.push(line.name, line.value);
    byName[line.lower] = line.value;
    at += line.text.length;
  }
  const headers = checkHeaders(raw, byName, pickHeaders(raw));
  return headers && { headers, known: { text, lines, headers } };
}

/** Reads headers that have the names of known ones, in their order; undefined for others. */
function readOtherValues(text: string, { lines, headers }: KnownHeaders): PlainHeaders | undefined {
  const raw = [...headers.raw];
  const byName: Record<string, string> = { ...headers.byName as Record<string, string> };
  let isPickedSame = true;
  let at = 0;
  for (const [index, line] of lines.entries()) {
    if (text.startsWith(line.text, at)) {
      at += line.text.length;
      continue;
    }
    const other = readLine(text, at);
    if (other?.name !== line.name) return undefined;
    raw[index * 2 + 1] = other.value;
    byName[line.lower] = other.value;
    isPickedSame &&= !isPicked(line.name);
    at += other.text.length;
  }
  return at === text.length ? checkHeaders(raw, byName, isPickedSame ? headers.picked : pickHeaders(raw)) : undefined;
}

function checkHeaders(raw: string[], byName: Readonly<Record<string, string>>, picked: RequestHeaders): PlainHeaders | undefined {
  const { connection = KEEP_ALIVE, 'content-length': length = '0' } = byName;
  if (connection.toLowerCase() !== KEEP_ALIVE || !LENGTH.test(length)) return undefined;
  return { raw, byName, picked, bodyBytes: Number(length) };
}

function readLine(text: string, start: number): HeaderLine | undefined {
  HEADER_LINE.lastIndex = start;
  if (!HEADER_LINE.test(text)) return undefined;
  const end = HEADER_LINE.lastIndex;
  const colon = text.indexOf(':', start);
  const value = text.slice(text.startsWith(' ', colon + 1) ? colon + 2 : colon + 1, end - LINE_END.length);
  const name = text.slice(start, colon);
  const lower = lowerName(name);
  if (REFUSED.has(lower) || value === '' || BLANK_AT_AN_END.test(value)) return undefined;
  return { text: text.slice(start, end), name, lower, value };
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
