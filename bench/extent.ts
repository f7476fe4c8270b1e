/** How much the table measures. */

/** How much is measured. */
export interface Extent {
  /** How often each side has its turn. */
  readonly rounds: number;
  /** The same for what takes many seconds each time. */
  readonly slowRounds: number;
  /** Of one load. */
  readonly seconds: number;
  /** Of the load that comes first and is not counted. */
  readonly warmUpSeconds: number;
  /** Keys of a listing. */
  readonly listedKeys: number;
  /** Keys whose memory is measured. */
  readonly storedKeys: number;
  /** Projects of one server. */
  readonly projects: number;
}

/** What the figures of docs/performance.md are made with. */
export const FULL_EXTENT: Extent = {
  rounds: 9, slowRounds: 2, seconds: 1.5, warmUpSeconds: 3, listedKeys: 100_000, storedKeys: 1_000_000, projects: 10_000,
};

/** Shows that everything runs. */
export const QUICK_EXTENT: Extent = {
  rounds: 2, slowRounds: 1, seconds: 0.2, warmUpSeconds: 0.2, listedKeys: 10_000, storedKeys: 20_000, projects: 100,
};
