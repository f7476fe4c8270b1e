/**
 * Standard error of the commands on files. Where it cannot be written, the exit code is all that is left to say it with.
 */

/** A write to a pipe reports its failure later, as an event; without a listener that would end the process. */
process.stderr.on('error', () => undefined);

/**
 * Writes a text as it is.
 *
 * @param text whole lines
 */
export function writeError(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // A write to a file reports its failure at once.
  }
}

/** Says something to the person, with the program's name in front. */
export function complain(text: string): void {
  writeError(`simplekv: ${text}\n`);
}
