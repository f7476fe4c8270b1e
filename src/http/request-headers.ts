/**
 * The headers that must not be repeated, from the raw list: Node's object keeps the first of two and silently drops the other.
 */

/** The values of each header, in order. */
export interface RequestHeaders {
  readonly hosts: readonly string[];
  readonly authorizations: readonly string[];
  readonly apiKeys: readonly string[];
  readonly contentTypes: readonly string[];
  readonly origins: readonly string[];
  readonly fetchSites: readonly string[];
}

type Slot = keyof RequestHeaders;

const SLOTS: ReadonlyMap<string, Slot> = new Map([
  ['host', 'hosts'],
  ['authorization', 'authorizations'],
  ['x-api-key', 'apiKeys'],
  ['content-type', 'contentTypes'],
  ['origin', 'origins'],
  ['sec-fetch-site', 'fetchSites'],
]);
/** Lengths of the names above: a header of another length is skipped without lower-casing it. */
const SLOT_NAME_LENGTHS: ReadonlySet<number> = new Set([...SLOTS.keys()].map((name) => name.length));

const NONE: readonly string[] = [];

/** No headers. */
export const NO_HEADERS: RequestHeaders = {
  hosts: NONE, authorizations: NONE, apiKeys: NONE, contentTypes: NONE, origins: NONE, fetchSites: NONE,
};

/** Tells whether {@link pickHeaders} picks a header. */
export function isPicked(name: string): boolean {
  return SLOTS.has(name.toLowerCase());
}

/** Picks the headers from the raw list. */
export function pickHeaders(rawHeaders: readonly string[]): RequestHeaders {
  const picked: Record<Slot, readonly string[]> = { ...NO_HEADERS };
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!SLOT_NAME_LENGTHS.has(name.length)) continue;
    const slot = SLOTS.get(name) ?? SLOTS.get(name.toLowerCase());
    if (slot === undefined) continue;
    const value = rawHeaders[index + 1] ?? '';
    picked[slot] = picked[slot] === NONE ? [value] : [...picked[slot], value];
  }
  return picked;
}
