/**
 * The order of keys: by their UTF-8 bytes.
 */

const SURROGATE_FIRST = 0xd800;
const SURROGATE_LAST = 0xdfff;
/** Moves a surrogate above every code unit of the Basic Multilingual Plane, where UTF-8 sorts its code point. */
const SURROGATE_LIFT = 0x10000;

function weight(unit: number): number {
  return unit >= SURROGATE_FIRST && unit <= SURROGATE_LAST ? unit + SURROGATE_LIFT : unit;
}

/**
 * Compares two strings by their UTF-8 bytes, without encoding them, for `Array.prototype.sort`.
 *
 * UTF-16 order differs from UTF-8 order only for surrogates (code points from U+10000): they sort below U+E000..U+FFFF, and in
 * UTF-8 above. Moving them up at the first difference restores the order.
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
