/** A disk with space for everything, for tests about something else. */

/** Allows every write. Spread it to get a copy that can be changed. */
export const AMPLE_SPACE = {
  refresh: (): void => undefined,
  allowsGrowth: (_bytes: number): boolean => true,
  largestBytes: Number.POSITIVE_INFINITY,
  refusedBytes: undefined,
} as const;
