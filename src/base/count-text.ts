/**
 * Counts in messages, with the plural.
 */

/** Returns text such as `1 line` or `0 lines`; `unit` is the singular and takes an `s`. */
export function countText(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}
