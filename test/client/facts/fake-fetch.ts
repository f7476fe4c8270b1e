/** Stands between a client and its server as `fetch`, and does what a network or a proxy may do. */

/** What was asked for, as a test sees it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly signal: AbortSignal | null | undefined;
}

/** Answers a request, or hands it on. */
export type Middle = (asked: Asked, forward: () => Promise<Response>) => Promise<Response>;

/** A `fetch` that a test watches. */
export interface WatchedFetch {
  readonly fetch: typeof fetch;
  /** Every request, in order. */
  readonly asked: Asked[];
}

/** Makes a `fetch`. */
export function watchedFetch(middle: Middle = (_, forward) => forward()): WatchedFetch {
  const asked: Asked[] = [];
  const send: typeof fetch = async (input, init = {}) => {
    const one: Asked = {
      method: init.method ?? 'GET', url: String(input), headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? init.body : undefined, signal: init.signal,
    };
    asked.push(one);
    return await middle(one, () => fetch(input, init));
  };
  return { fetch: send, asked };
}

/** How a platform says that there is no answer. */
export function networkFailure(): TypeError {
  return new TypeError('Failed to fetch');
}

/** A problem document. */
export function problem(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Response {
  const document = { type: `urn:simplekv:problem:${code}`, title: code, status, detail: `It is ${code}`, code, request_id: 'r-1' };
  return new Response(JSON.stringify(document), { status, headers: { 'Content-Type': 'application/problem+json', ...headers } });
}

/** The first so many requests fail in this way; the others are handed on. */
export function failingFirst(count: number, fail: Middle): Middle {
  let left = count;
  return async (asked, forward) => {
    left -= 1;
    return left >= 0 ? await fail(asked, forward) : await forward();
  };
}

/** The request arrives, and its answer is lost. */
export const losesAnswer: Middle = async (_, forward) => {
  await (await forward()).text();
  throw networkFailure();
};
