/**
 * What a reload of the configuration changed, or would change.
 */

/** What became of a project. A project that is not listed is as it was. */
export interface ReloadedProject {
  readonly id: string;
  /**
   * - `created`: the entry is new, and so is the project.
   * - `served`: the project was there, and is served from now on.
   * - `edited`: its settings or API keys follow the entry.
   * - `updated`: the entry was older than the log and follows it.
   * - `not_served`: the entry is gone; the data of a project on disk stays.
   * - `refused`: the project cannot be served; the server log says why.
   * - `failed`: the edit could not be applied; the server log says why, and the next reload or start tries again.
   */
  readonly outcome: 'created' | 'served' | 'edited' | 'updated' | 'not_served' | 'refused' | 'failed';
  /** The settings that changed, as `storage.retention.max_bytes`; absent if none did. */
  readonly changed?: readonly string[];
}
