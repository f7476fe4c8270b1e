/**
 * Numbers of things in messages.
 */

/**
 * Says how many there are.
 *
 * @param unit one of them, such as `line`; more get an `s`
 * @returns text such as `1 line` or `0 lines`
 */
export function countText(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}
