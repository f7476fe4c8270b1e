/**
 * Makes text fit for a terminal: what came from elsewhere, such as a value, must not move the cursor, hide what follows, or reverse it.
 */

/** Characters that control a terminal, or change the order of the text around them. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** The same without those of ASCII, with which this program itself ends lines and sets colours. JSON never has them in its strings. */
const UNPRINTABLE_BEYOND_ASCII = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const HEX = 16;
const ESCAPE_DIGITS = 4;

/** Escapes unprintable characters as JSON does, so that the JSON of a value keeps its meaning. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** Makes output of this program fit for a terminal: lines, colours and tabs stay. */
export function printableOutput(text: string): string {
  return text.replace(UNPRINTABLE_BEYOND_ASCII, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(HEX).padStart(ESCAPE_DIGITS, '0')}`;
}

/**
 * A text as it goes to standard output: unchanged, except to a terminal.
 *
 * @param isTerminal whether a person sees it
 */
export function shownText(text: string, isTerminal: boolean = process.stdout.isTTY): string {
  return isTerminal ? printable(text) : text;
}
