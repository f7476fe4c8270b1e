/**
 * The versions of the format of a log. A log keeps format 1 until it needs an operation of a later one, so that earlier versions of the
 * program can read it for as long as possible.
 */

/** The format of a segment, or the first one that has an operation. */
export type LogFormat = 1 | 2;

/** The format of a new log. */
export const FIRST_FORMAT: LogFormat = 1;

/** The newest format. */
export const NEWEST_FORMAT: LogFormat = 2;

/** Returns the first format that has the operations of all lines. */
export function formatOf(lines: readonly { readonly format?: LogFormat }[]): LogFormat {
  let highest = FIRST_FORMAT;
  for (const { format = FIRST_FORMAT } of lines) if (format > highest) highest = format;
  return highest;
}
