/**
 * The order of keys: by their UTF-8 bytes. Owns the comparison; knows nothing of what is sorted.
 */

const SURROGATE_FIRST = 0xd800;
const SURROGATE_LAST = 0xdfff;
/** Lifts a surrogate above every code unit of the Basic Multilingual Plane, where UTF-8 puts its code point. */
const SURROGATE_LIFT = 0x10000;

function weight(unit: number): number {
  return unit >= SURROGATE_FIRST && unit <= SURROGATE_LAST ? unit + SURROGATE_LIFT : unit;
}

/**
 * Compares two strings as their UTF-8 encodings compare byte by byte, without encoding them.
 *
 * UTF-16 order differs from UTF-8 order in one place only: surrogates (code points from U+10000) sort below
 * U+E000..U+FFFF, where UTF-8 has them above. Lifting them at the first difference restores the order.
 *
 * @returns negative, zero or positive, as `Array.prototype.sort` wants it
 */
export function compareUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return weight(left) - weight(right);
  }
  return a.length - b.length;
}
