/**
 * One key and its value as the JSON document of the commands that read keys from files.
 */

/** A key, its value and the change that set it. */
interface ShownEntry {
  readonly key: string;
  readonly seq: number;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
  /** The JSON text. */
  readonly value: string;
}

/**
 * The document, with the value token for token.
 *
 * @returns one line, without its end
 */
export function entryDocument({ key, seq, timeMs, value }: ShownEntry): string {
  return `{"key":${JSON.stringify(key)},"seq":${seq},"time":"${new Date(timeMs).toISOString()}","value":${value}}`;
}
