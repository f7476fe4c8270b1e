/**
 * What logs report of their work, to what measures it. Implementations return at once and throw nothing.
 */

/** Notified of the work of logs. */
export interface LogObserver {
  /** A sync of a log in files succeeded. */
  synced(durationMs: number): void;
  /** Lines were appended. They may not be durable yet if the durability is `interval` or `os`. */
  appended(project: string, lines: readonly { readonly op: string }[], sizeBytes: number): void;
  /** A torn tail was cut off when the log was opened. */
  tornTail(project: string): void;
}
