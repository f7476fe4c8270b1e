/**
 * What turns report, to what measures them. Implementations return at once and throw nothing.
 */

/** Notified of turns. */
export interface TurnObserver {
  /** A turn takes so many commands. */
  taken(commands: number): void;
  /** Keys were removed because they had expired. */
  expired(project: string, keys: number): void;
}
