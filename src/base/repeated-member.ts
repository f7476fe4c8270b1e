/**
 * Finds duplicate members in JSON text, which a JSON parser does not report.
 */
import { invariant } from './invariant.js';
import { escapePointer } from './json-schema.js';

/** Strings and structural characters; numbers and literals are skipped. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/** An open object or array. */
interface Level {
  /** Names seen so far; undefined for an array. */
  readonly names: Set<string> | undefined;
  /** The name of the current member, or the index of the current item. */
  token: string;
  /** The index of the current item. */
  index: number;
}

/**
 * Returns a JSON pointer to the first member whose name its object already has; undefined if there is none.
 *
 * @param text valid JSON
 */
export function findRepeatedMember(text: string): string | undefined {
  const levels: Level[] = [];
  let lastText = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    if (token === '{') levels.push({ names: new Set(), token: '', index: 0 });
    else if (token === '[') levels.push({ names: undefined, token: '0', index: 0 });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ',' && level !== undefined) nextItem(level);
    else if (token !== ':') lastText = token;
    else if (level?.names !== undefined && !enterMember(level, lastText)) return pointerTo(levels);
  }
  return undefined;
}

function pointerTo(levels: readonly Level[]): string {
  return levels.map(({ token }) => `/${escapePointer(token)}`).join('');
}

function nextItem(level: Level): void {
  level.index += 1;
  if (level.names === undefined) level.token = String(level.index);
}

/** Returns false for a name that the object already has. */
function enterMember(level: Level, quoted: string): boolean {
  const name: unknown = JSON.parse(quoted);
  invariant(typeof name === 'string' && level.names !== undefined, 'a colon in JSON follows a name in an object');
  level.token = name;
  if (level.names.has(name)) return false;
  level.names.add(name);
  return true;
}
