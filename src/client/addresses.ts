/**
 * Where things are: the paths of a project and of its keys, and queries.
 */
import { PROJECTS_PATH } from '../api/paths.js';
import { SimpleKvError } from './error.js';
import type { ReadMoment, RangeOptions } from './options.js';

/** What stands in a query; what is undefined does not. */
export type QueryValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** Half of a character outside the Basic Multilingual Plane, which UTF-8 cannot have: it would arrive as another character. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The path of a project.
 *
 * @throws {TypeError} When the id cannot be that of a project
 */
export function projectPath(project: string): string {
  if (project === '' || isDots(project)) throw new TypeError(`Cannot use the project ${JSON.stringify(project)}: that is no id`);
  return `${PROJECTS_PATH}/${encodeURIComponent(wellFormed(project))}`;
}

/** Whether a key cannot stand in a path: `fetch` resolves these segments away, encoded or not. */
export function isDots(key: string): boolean {
  return key === '.' || key === '..';
}

/**
 * A key as it stands in a path.
 *
 * @throws {SimpleKvError} `invalid_key` for a key that would name something else there
 */
export function encodedKey(key: string): string {
  if (key === '') throw new SimpleKvError('invalid_key', 'Cannot use the key "": it is empty');
  return encodeURIComponent(wellFormed(key));
}

/**
 * Refuses text that would change on the way.
 *
 * @throws {SimpleKvError} `invalid_key`
 */
export function wellFormed(text: string): string {
  if (!LONE_SURROGATE.test(text)) return text;
  throw new SimpleKvError('invalid_key', `Cannot use the key ${JSON.stringify(text)}: it has a lone surrogate`);
}

/** A query with its question mark; empty for none. */
export function queryOf(values: QueryValues): string {
  const parameters = Object.entries(values).flatMap(([name, value]) => (
    value === undefined ? [] : [`${name}=${encodeURIComponent(wellFormed(String(value)))}`]
  ));
  return parameters.length === 0 ? '' : `?${parameters.join('&')}`;
}

/** A range in a query. */
export function rangeQuery({ prefix, start, end }: RangeOptions): QueryValues {
  // Every key begins with an empty prefix and lies after an empty start; the server refuses empty parameters.
  return { prefix: prefix === '' ? undefined : prefix, start: start === '' ? undefined : start, end };
}

/** A moment in a query. */
export function atText(moment: ReadMoment): string {
  return typeof moment === 'number' ? String(moment) : moment.toISOString();
}

/** The query of the next page, from the header `Link`; undefined on the last page. */
export function nextPageQuery(headers: Headers): string | undefined {
  const [, link] = /<([^>]*)>; *rel="?next"?/.exec(headers.get('Link') ?? '') ?? [];
  return link === undefined ? undefined : link.slice(link.indexOf('?'));
}
