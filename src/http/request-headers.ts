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

const SLOTS: Readonly<Record<string, Slot>> = {
  host: 'hosts',
  authorization: 'authorizations',
  'x-api-key': 'apiKeys',
  'content-type': 'contentTypes',
  origin: 'origins',
  'sec-fetch-site': 'fetchSites',
};
/** Lengths of the names above: a header of another length is skipped without lower-casing it. */
const SLOT_NAME_LENGTHS: ReadonlySet<number> = new Set(Object.keys(SLOTS).map((name) => name.length));

/** No headers. */
export const NO_HEADERS: RequestHeaders = emptySlots();

/** Picks the headers from the raw list. */
export function pickHeaders(rawHeaders: readonly string[]): RequestHeaders {
  const picked = emptySlots();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!SLOT_NAME_LENGTHS.has(name.length)) continue;
    const lowered = name.toLowerCase();
    // A header with the name of a member of Object.prototype must not be found.
    if (Object.hasOwn(SLOTS, lowered)) picked[SLOTS[lowered] ?? 'hosts'].push(rawHeaders[index + 1] ?? '');
  }
  return picked;
}

function emptySlots(): Record<Slot, string[]> {
  return { hosts: [], authorizations: [], apiKeys: [], contentTypes: [], origins: [], fetchSites: [] };
}
