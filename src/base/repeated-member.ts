/**
 * Members that stand twice in one object, which a JSON parser does not report. Knows nothing of what the text means.
 */
import { invariant } from './invariant.js';
import { escapePointer } from './json-schema.js';

/** Strings and the characters that give a text its structure; numbers and words in between do not matter here. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/** One open object or list. */
interface Level {
  /** Names seen so far; undefined for a list. */
  readonly names: Set<string> | undefined;
  /** The present member's name, or the present item's index. */
  place: string;
  /** How many items of a list are behind. */
  index: number;
}

/**
 * Finds the first member that stands twice.
 *
 * @param text valid JSON
 * @returns JSON pointer to it, or undefined where there is none
 */
export function findRepeatedMember(text: string): string | undefined {
  const levels: Level[] = [];
  let lastText = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    if (token === '{') levels.push({ names: new Set(), place: '', index: 0 });
    else if (token === '[') levels.push({ names: undefined, place: '0', index: 0 });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ',' && level !== undefined) nextItem(level);
    else if (token !== ':') lastText = token;
    else if (level?.names !== undefined && !enterMember(level, lastText)) return pointerTo(levels);
  }
  return undefined;
}

function pointerTo(levels: readonly Level[]): string {
  return levels.map(({ place }) => `/${escapePointer(place)}`).join('');
}

function nextItem(level: Level): void {
  level.index += 1;
  if (level.names === undefined) level.place = String(level.index);
}

/** @returns false for a name that was there before */
function enterMember(level: Level, quoted: string): boolean {
  const name: unknown = JSON.parse(quoted);
  invariant(typeof name === 'string' && level.names !== undefined, 'a colon in JSON follows a name in an object');
  level.place = name;
  if (level.names.has(name)) return false;
  level.names.add(name);
  return true;
}
