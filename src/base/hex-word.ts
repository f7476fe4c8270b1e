/**
 * Numbers of 32 bits as 8 hexadecimal digits in lower case.
 */

/** Digits of a word. */
export const HEX_WORD_DIGITS = 8;

const RADIX = 16;
const DIGIT_BITS = 4;
const NO_DIGIT = RADIX;

/** The value of each character code that is a digit; more than any digit for others. */
const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return digit < 0 ? NO_DIGIT : digit;
});

/** Each byte as two digits. The runtime takes five times as long to convert a number of 32 bits. */
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(RADIX).padStart(2, '0'));
const BYTE_MASK = 0xff;
const BYTE_BITS = 8;
const HIGHEST_BYTE_BITS = 24;

/** Formats a word. */
export function hexWord(word: number): string {
  let text = '';
  for (let bits = HIGHEST_BYTE_BITS; bits >= 0; bits -= BYTE_BITS) text += BYTES[(word >>> bits) & BYTE_MASK] as string;
  return text;
}

/** Reads the word that a text begins with; undefined if it does not begin with one. */
export function wordOfText(text: string): number | undefined {
  return wordOf((index) => text.charCodeAt(index));
}

/** Reads the word at an offset of some bytes; undefined if there is none. */
export function wordInBytes(bytes: Uint8Array, at: number): number | undefined {
  return wordOf((index) => bytes[at + index] as number);
}

function wordOf(codeAt: (index: number) => number): number | undefined {
  let word = 0;
  let highest = 0;
  for (let index = 0; index < HEX_WORD_DIGITS; index += 1) {
    const digit = DIGITS[codeAt(index)] ?? NO_DIGIT;
    highest |= digit;
    word = (word << DIGIT_BITS) | digit;
  }
  return highest >= NO_DIGIT ? undefined : word >>> 0;
}
