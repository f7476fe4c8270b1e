/** Requests that are to take effect once: each has an idempotency key that none had before. */
import type { HttpRequest } from './http-load.js';

const HEADER = 'idempotency-key';
/** A key as long as a UUID, whose last digits are another number each time. */
const START = '0b1e0c1c-5d7c-4c0b-9a53-';
const DIGITS = 12;

/** Gives a request a key, which {@link numberer} replaces each time it is sent. */
export function once(request: HttpRequest): HttpRequest {
  return { ...request, headers: { [HEADER]: START + '0'.repeat(DIGITS) } };
}

/** Returns what gives each encoded request its own key. */
export function numberer(): (request: Buffer) => Buffer {
  let count = 0;
  return (request) => {
    count += 1;
    const numbered = Buffer.from(request);
    numbered.write(String(count).padStart(DIGITS, '0'), request.indexOf(START) + START.length, 'latin1');
    return numbered;
  };
}
