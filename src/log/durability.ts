/**
 * What a log promises about the disk. Knows no log.
 */

/**
 * What an acknowledged append promises about the disk.
 *
 * - `fsync`: it is on disk before the answer.
 * - `interval`: it is with the operating system before the answer and on disk within the interval; a power cut loses what
 *   was not synced, a killed process loses nothing.
 * - `os`: it is with the operating system; when it reaches the disk is the system's business. Only a log that has been quiet for a
 *   while is synced, so that its file can be closed without losing the descriptor that a failure would be reported to.
 */
export type Durability = 'fsync' | 'interval' | 'os';

/** What one batch promises beyond the durability of its log. */
export interface AppendOptions {
  /**
   * True: it is on disk before the answer, whatever the durability. The sync belongs to the append, so that a batch whose sync could not be
   * made is taken back like one whose write failed. A sync after the append could not do that: the lines would be in the log, and their
   * writer would have had to refuse them. @default false
   */
  readonly isDurable?: boolean;
}
