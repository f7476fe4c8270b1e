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
  'ETag': { description: 'The version, for `If-Match` and `If-None-Match`.', pattern: '^"[^"]*"$' },
  'Last-Modified': { description: 'When the version was written, in seconds.', pattern: ' GMT$' },
  'Link': { description: 'The next page, as `<…>; rel="next"`.', pattern: '^<.*>; rel="next"$' },
  'Location': { description: 'The path of what the answer is about.', pattern: '^/' },
  'Retry-After': { description: 'Seconds after which a repeated request may succeed.', pattern: '^[0-9]+$' },
  'SimpleKV-Log-Id': { description: 'Names the log to which the lines belong.', pattern: '^[0-9a-f]{32}$' },
  'SimpleKV-Prev': { description: 'The hash before the first line, with which the lines can be verified.', pattern: '^[0-9a-f]{64}$' },
  'Vary': { description: 'The headers of the request on which the answer depends.', pattern: '^(Accept|Origin|Accept, Origin)$' },
  'WWW-Authenticate': { description: 'How to send an API key.', pattern: '^Bearer ' },
  'X-Request-Id': { description: 'Names the request in the server log and in the log of the project.', pattern: '^[!-~]{1,128}$' },
} as const;

/** Headers for web pages, which any answer may have. */
export const WEB_PAGE_HEADERS = ['Vary', 'Access-Control-Allow-Origin', 'Access-Control-Expose-Headers'] as const;

/** The name of a header. */
export type HeaderName = keyof typeof HEADERS;
