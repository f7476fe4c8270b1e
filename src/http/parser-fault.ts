/**
 * What Node's parser and timers refuse, in our codes.
 */
import { AppError } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';

/** A fault before there was a request. */
export interface ParserFault {
  readonly error: AppError;
  /** True where the method is a word that no route knows, so that the answer names those that exist. */
  readonly isUnknownMethod: boolean;
}

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'Cannot take the request: its line and headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request did not arrive in time'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'Cannot take the body: its chunk extensions are too large'],
  HPE_INVALID_EOF_STATE: ['incomplete_body', 'The request ended before it was whole'],
  HPE_INVALID_VERSION: ['http_version_not_supported', 'Use HTTP/1.1'],
  HPE_INVALID_URL: ['invalid_target', 'Cannot read the request target: it has a byte that must be percent-encoded'],
};
const UNREADABLE = 'Cannot read the request: it is not well-formed HTTP/1.1';
const LINE_FEED = 0x0a;
const METHOD_CHARACTERS_MAX = 32;
const METHOD_AND_TARGET = /^[A-Za-z][A-Za-z-]* [/*h]/;

/** An error of `clientError`, as far as it is looked at. */
export type ParserError = Error & { readonly code?: string; readonly rawPacket?: Buffer; readonly bytesParsed?: number };

/**
 * Translates an error of `clientError`.
 *
 * @param fault as Node gives it
 * @returns the refusal
 */
export function parserFault(fault: ParserError): ParserFault {
  const start = fault.rawPacket?.subarray(0, METHOD_CHARACTERS_MAX).toString('latin1') ?? '';
  if (fault.code === 'HPE_INVALID_METHOD' && METHOD_AND_TARGET.test(start)) {
    return { error: new AppError('method_not_allowed', 'Cannot do this: the method is unknown', { cause: fault }), isUnknownMethod: true };
  }
  const code = endsLineWithoutCr(fault) ? '' : (fault.code ?? '');
  const [ours, message] = (Object.hasOwn(CODES, code) ? CODES[code] : undefined) ?? (['bad_request', UNREADABLE] as const);
  return { error: new AppError(ours, message, { cause: fault }), isUnknownMethod: false };
}

/** The parser blames the version for a request line that ends in LF alone, although it has read a good one. */
function endsLineWithoutCr({ code, rawPacket, bytesParsed = 0 }: ParserError): boolean {
  return code === 'HPE_INVALID_VERSION' && rawPacket?.[bytesParsed - 1] === LINE_FEED;
}
