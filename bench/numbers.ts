/** Numbers that every bench needs: options from the command line, and the middle of several measurements. */

/**
 * The middle of several numbers: a slow moment of the machine moves it least.
 *
 * @param numbers At least one
 * @returns The middle one, or the mean of the middle two
 */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const above = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? above : (above + (sorted[middle - 1] ?? 0)) / 2;
}

/**
 * Reads an option that counts something.
 *
 * @param name The option's name, for the message
 * @param text What was given
 * @returns A whole number from 1
 * @throws {RangeError} When it is none
 */
export function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`Cannot use --${name} ${text}: a whole number from 1 is wanted`);
  return value;
}
