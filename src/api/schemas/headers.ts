/**
 * The headers of answers that mean something to a client.
 */

/** What a header says, and the form of its value. */
export const HEADERS = {
  'Access-Control-Allow-Origin': {
    description: 'For a page of an origin in the setting `allowed_origins`: its origin, or `*` for every page.',
    pattern: '^([^ ]+://[^ ]+|\\*)$',
  },
  'Access-Control-Expose-Headers': { description: 'The headers that such a page can read.', pattern: '^[a-z-]+(, [a-z-]+)*$' },
  'Allow': { description: 'The methods of this path.', pattern: '^[A-Z]+(, [A-Z]+)*$' },
  'Content-Disposition': { description: 'The name to save it under.', pattern: '^attachment; filename="[0-9A-Za-z_.-]+"$' },
  'Content-Security-Policy': { description: 'What the page may load and run.', pattern: "^default-src 'none'; " },
  'Content-Encoding': { description: 'How the body is compressed, if it is.', pattern: '^gzip$' },
  'Cross-Origin-Opener-Policy': { description: 'Pages of other sites cannot reach the page.', pattern: '^same-origin$' },
  'Cross-Origin-Resource-Policy': { description: 'Pages of other sites cannot load it.', pattern: '^same-origin$' },
  'ETag': { description: 'The version, for `If-Match` and `If-None-Match`.', pattern: '^"[^"]*"$' },
  'Idempotency-Replayed': {
    description: 'The request was sent before, and this is what it did then. Nothing was changed now.', pattern: '^true$',
  },
  'Last-Modified': { description: 'When the version was written, in seconds.', pattern: ' GMT$' },
  'Link': { description: 'The next page, as `<…>; rel="next"`.', pattern: '^<.*>; rel="next"$' },
  'Location': { description: 'The path of what the answer is about.', pattern: '^/' },
  'RateLimit': {
    description: 'On projects with a rate of requests: how many the caller may make now (`r`), and in how many seconds more (`t`).',
    pattern: '^"(reads|writes)_per_second";r=[0-9]+;t=[0-9]+$',
  },
  'RateLimit-Policy': {
    description: 'On projects with a rate of requests: its name, and how many it allows (`q`) in so many seconds (`w`).',
    pattern: '^"(reads|writes)_per_second";q=[0-9]+;w=1$',
  },
  'Referrer-Policy': { description: 'No other site learns where its visitor comes from.', pattern: '^no-referrer$' },
  'Retry-After': { description: 'Seconds after which a repeated request may succeed.', pattern: '^[0-9]+$' },
  'SimpleKV-At': { description: 'The seq of the last line in the state that was read.', pattern: '^(0|[1-9][0-9]*)$' },
  'SimpleKV-Expires-At': { description: 'When the value expires, in seconds, if it does.', pattern: ' GMT$' },
  'SimpleKV-From': { description: 'The seq of the last line in the state that was compared.', pattern: '^(0|[1-9][0-9]*)$' },
  'SimpleKV-Key-Expires-At': {
    description: 'When the API key of the request expires, which another one has replaced: in its last 7 days.', pattern: ' GMT$',
  },
  'SimpleKV-Log-Id': { description: 'Names the log to which the lines belong.', pattern: '^[0-9a-f]{32}$' },
  'SimpleKV-Prev': { description: 'The hash before the first line, with which the lines can be verified.', pattern: '^[0-9a-f]{64}$' },
  'Vary': { description: 'The headers of the request on which the answer depends.', pattern: '^(Origin|Accept(-Encoding)?(, Origin)?)$' },
  'WWW-Authenticate': { description: 'How to send an API key.', pattern: '^Bearer ' },
  'X-Request-Id': { description: 'Names the request in the server log and in the log of the project.', pattern: '^[!-~]{1,128}$' },
} as const;

/** Headers that any answer may have: for web pages, and about the API key of the request. */
export const ANY_ANSWER_HEADERS = [
  'Vary', 'Access-Control-Allow-Origin', 'Access-Control-Expose-Headers', 'SimpleKV-Key-Expires-At',
] as const;

/** Headers of what draws on a rate of requests. */
export const RATE_HEADERS = ['RateLimit', 'RateLimit-Policy'] as const;

/** The name of a header. */
export type HeaderName = keyof typeof HEADERS;
