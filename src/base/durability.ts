/**
 * How durable a write is when it is acknowledged: shared by the settings of a project and by its log.
 */

/**
 * What an acknowledged write promises about the disk.
 *
 * - `fsync`: it is on disk before the response.
 * - `interval`: it is in the page cache before the response and on disk within the interval. A power failure can lose the writes not
 *   yet synced; a killed process loses nothing.
 * - `os`: it is in the page cache; the operating system decides when it reaches the disk. A log that has been quiet for a while is
 *   synced all the same, so that its file can be closed: closing it earlier would lose the descriptor on which the system reports a
 *   failed write-back.
 */
export type Durability = 'fsync' | 'interval' | 'os';
