/**
 * Whether two JSON texts have the same value: spaces, escapes, the order of members and the spelling of numbers do not matter. Numbers are
 * compared as they are written, however many digits they have.
 */
import { isDeepStrictEqual } from 'node:util';

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * Compares two texts.
 *
 * @throws {SyntaxError} when one of them is not JSON
 */
export function hasSameJson(text: string, other: string): boolean {
  const [value, otherValue]: readonly unknown[] = [JSON.parse(tagged(text)), JSON.parse(tagged(other))];
  try {
    return isDeepStrictEqual(value, otherValue);
  } catch (error) {
    // Brackets in brackets, thousands of them.
    if (error instanceof RangeError) return text === other;
    throw error;
  }
}

/** Writes every number as a string, so that none loses digits, and marks what is a string already. */
function tagged(text: string): string {
  // Tells what is no JSON before anything in it is replaced.
  JSON.parse(text);
  return text.replaceAll(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? `"$${token.slice(1)}` : `"#${canonical(token)}"`));
}

/** The digits without zeros at their ends, and the power of ten that belongs to the last one. */
function canonical(token: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(token) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}
