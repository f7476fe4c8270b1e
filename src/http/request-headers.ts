/**
 * The headers that may stand once, counted in the raw list: Node's own object keeps the first of two and drops the rest silently.
 */

/** The values of headers that decide something, in the order in which they came. */
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
/** Lengths of the names above: a header of another length is passed over without being lowered. */
const SLOT_NAME_LENGTHS: ReadonlySet<number> = new Set(Object.keys(SLOTS).map((name) => name.length));

/** Nothing was sent. */
export const NO_HEADERS: RequestHeaders = emptySlots();

/** Picks the headers that matter from the raw list. */
export function pickHeaders(rawHeaders: readonly string[]): RequestHeaders {
  const picked = emptySlots();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!SLOT_NAME_LENGTHS.has(name.length)) continue;
    const lowered = name.toLowerCase();
    // A plain object as a table: a header called like a member of Object.prototype must not be found in it.
    if (Object.hasOwn(SLOTS, lowered)) picked[SLOTS[lowered] ?? 'hosts'].push(rawHeaders[index + 1] ?? '');
  }
  return picked;
}

function emptySlots(): Record<Slot, string[]> {
  return { hosts: [], authorizations: [], apiKeys: [], contentTypes: [], origins: [], fetchSites: [] };
}
