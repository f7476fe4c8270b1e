/**
 * Where the user is, as the fragment of the URL, so that a link leads there: `#/p/shop/k/user%2F1@41?in=user%2F`. Nothing secret is in it.
 */
import { signal } from '@preact/signals';

/** The views of a project. `k` shows a value, `h` its history. */
export type ProjectView = 'keys' | 'k' | 'h' | 'live' | 'state' | 'access' | 'settings';

/** What the URL names. */
export interface Route {
  /** Null: the server as a whole. */
  readonly project: string | null;
  readonly view: 'projects' | ProjectView;
  /** The key that is shown; null for none. */
  readonly key: string | null;
  /** The moment that is shown, as a seq; null: now. */
  readonly at: number | null;
  /** The prefix that the list of keys is limited to. */
  readonly prefix: string;
}

const HOME: Route = { project: null, view: 'projects', key: null, at: null, prefix: '' };
const PLAIN_VIEWS: ReadonlySet<string> = new Set(['live', 'state', 'access', 'settings']);
/** A page of a project: what is below it says nothing more. */
const PROJECT_PAGE = /\/ui\/projects\/([a-z0-9_-]+)(?:\/.*)?$/;

/** The current place. */
export const route = signal<Route>(readRoute(location.hash));

/** Counts how often the user went to where he was: what others may have changed there is loaded again. */
export const revisits = signal(0);

let mayLeave: () => boolean = () => true;

/**
 * Has something asked before the user goes elsewhere.
 *
 * @param ask returns false to stay
 * @returns Ends it
 */
export function guardPlace(ask: () => boolean): () => void {
  mayLeave = ask;
  const warn = (event: Event): void => event.preventDefault();
  addEventListener('beforeunload', warn);
  return () => {
    mayLeave = () => true;
    removeEventListener('beforeunload', warn);
  };
}

/** Reads a fragment. What it cannot read leads home. */
export function readRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#/, '').split('?');
  const [place = '', moment] = path.split('@');
  const [first, project, view = 'keys', key] = place.split('/').slice(1).map(decoded);
  if (first === 'access') return { ...HOME, view: 'access' };
  if (first !== 'p' || !project) return HOME;
  const at = moment !== undefined && /^\d{1,15}$/.test(moment) ? Number(moment) : null;
  const base = { project, at, prefix: new URLSearchParams(query).get('in') ?? '' };
  if ((view === 'k' || view === 'h') && key !== undefined) return { ...base, view, key };
  return { ...base, view: PLAIN_VIEWS.has(view) ? (view as ProjectView) : 'keys', key: null };
}

/** Writes a place as a fragment. */
export function fragmentOf({ project, view, key, at, prefix }: Route): string {
  if (project === null) return view === 'access' ? '#/access' : '#/';
  const parts = ['#/p', encodeURIComponent(project)];
  if (view !== 'keys') parts.push(view);
  if (key !== null) parts.push(encodeURIComponent(wellFormed(key)));
  const moment = at === null ? '' : `@${at}`;
  const query = prefix === '' ? '' : `?in=${encodeURIComponent(wellFormed(prefix))}`;
  return `${parts.join('/')}${moment}${query}`;
}

/** The fragment of a place that differs from the current one in some members. */
export function linkTo(change: Partial<Route>): string {
  return fragmentOf({ ...route.value, ...change });
}

/** Goes there. */
export function go(change: Partial<Route>, { replaces = false }: { readonly replaces?: boolean } = {}): void {
  const fragment = linkTo(change);
  if (isElsewhere(readRoute(fragment)) && !mayLeave()) return;
  if (replaces) history.replaceState(null, '', fragment);
  else if (location.hash !== fragment) history.pushState(null, '', fragment);
  route.value = readRoute(fragment);
}

/** Follows the URL from now on. `/ui/projects/shop` becomes the fragment of that project. */
export function followUrl(): void {
  const [, project] = PROJECT_PAGE.exec(location.pathname) ?? [];
  if (project !== undefined) {
    const base = location.pathname.replace(PROJECT_PAGE, '/ui/');
    history.replaceState(null, '', `${base}${location.hash.length > 2 ? location.hash : fragmentOf({ ...HOME, project, view: 'keys' })}`);
    route.value = readRoute(location.hash);
  }
  const read = (): void => {
    const next = readRoute(location.hash);
    if (isElsewhere(next) && !mayLeave()) history.pushState(null, '', fragmentOf(route.value));
    else route.value = next;
  };
  addEventListener('hashchange', read);
  addEventListener('popstate', read);
}

/** Whether another key or view is shown there; the list beside it may change. */
function isElsewhere({ project, view, key, at }: Route): boolean {
  const { value } = route;
  return project !== value.project || view !== value.view || key !== value.key || at !== value.at;
}

/** The place of a project. */
export function projectRoute(project: string): Route {
  return { ...HOME, project, view: 'keys' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Half of a character, which a box of text can hold, has no encoding. */
function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
