/**
 * Recognises the plainest requests in the bytes of a connection: those for a single key, complete, alone, and written as most clients
 * write them. Everything else, well-formed or not, is left to Node's parser. So this is no second opinion on what a request means: what it
 * accepts is a small part of RFC 9112 that leaves nothing to interpret, and a doubt costs time only.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { PROJECTS_PATH } from '../../api/paths.js';

/** The headers of a request, as both of Node's forms. */
export interface PlainHeaders {
  /** The bytes they were read from. A client sends the same ones again and again. */
  readonly text: string;
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
/** Lines of a name, a colon and a value of printable ASCII; no folding, no other end of a line. */
const HEADER_LINES = /^(?:[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n)+$/;
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
  const headers = known !== null && known.text === lines ? known : readHeaders(lines);
  if (headers === undefined || (headers.bodyBytes > 0 && BODILESS.has(method))) return undefined;
  const bodyStart = headEnd + HEAD_END.length;
  if (chunk.length !== bodyStart + headers.bodyBytes) return undefined;
  return { method, target, headers, body: chunk.subarray(bodyStart) };
}

function readHeaders(text: string): PlainHeaders | undefined {
  if (!HEADER_LINES.test(text)) return undefined;
  const raw: string[] = [];
  const byName: Record<string, string> = {};
  for (let start = 0; start < text.length;) {
    const colon = text.indexOf(':', start);
    const end = text.indexOf(LINE_END, colon);
    const name = text.slice(start, colon);
    const value = text.slice(text.startsWith(' ', colon + 1) ? colon + 2 : colon + 1, end);
    const lower = name.toLowerCase();
    // What to do about a repeated header, each of them decides for itself.
    if (REFUSED.has(lower) || Object.hasOwn(byName, lower) || value === '' || BLANK_AT_AN_END.test(value)) return undefined;
    raw.push(name, value);
    byName[lower] = value;
    start = end + LINE_END.length;
  }
  const { connection = KEEP_ALIVE, 'content-length': length = '0' } = byName;
  if (raw.length > HEADERS_MAX * 2 || connection.toLowerCase() !== KEEP_ALIVE || !LENGTH.test(length)) return undefined;
  return { text, raw, byName, bodyBytes: Number(length) };
}
