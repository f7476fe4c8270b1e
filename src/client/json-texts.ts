/**
 * Values as text and as JavaScript: cuts the text of a value out of an answer, so that it is handed out token for token, and turns texts
 * into values and back with the functions that the program chose.
 */
import { itemsOfJson, membersOfJson } from '../base/json-ranges.js';

/** How values become JSON, and JSON values. */
export interface ValueFormat {
  readonly parse: (text: string) => unknown;
  readonly stringify: (value: unknown) => string | undefined;
}

/**
 * The text of each member of an object, by name.
 *
 * @param text valid JSON
 */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  return new Map(membersOfJson(text, 0).map(({ name, start, end }) => [name, text.slice(start, end)]));
}

/**
 * The text of each item of an array.
 *
 * @param text valid JSON
 */
export function itemTexts(text: string): readonly string[] {
  return itemsOfJson(text, 0).items.map(({ start, end }) => text.slice(start, end));
}

/**
 * The JSON of a value that is to be stored.
 *
 * @throws {TypeError} When it has none, as `undefined` and functions
 */
export function textOfValue(format: ValueFormat, value: unknown): string {
  const text = format.stringify(value);
  if (typeof text === 'string') return text;
  throw new TypeError(`Cannot store a value of type ${typeof value}: it has no form in JSON`);
}

/**
 * Text that is put inside a larger JSON text, where a fault in it could change what the rest means.
 *
 * @throws {TypeError} When it is not JSON
 */
export function checkedJson(text: string): string {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new TypeError('Cannot store a text: it is not JSON', { cause });
  }
  return text;
}
