/**
 * The seed of tests that choose at random, printed, and taken from the environment to have a run again. At a desk each run tries
 * another one. An automatic build, which says so by `CI`, always takes the same, so that a commit does not pass one day and fail the
 * next; the long forms of `npm run prove` try everything that these tests sample.
 */
const SEED_VARIABLE = 'SIMPLEKV_TEST_SEED';
const SEED_MAX = 1_000_000;
const SEED_OF_BUILDS = 20_261_123;

/**
 * Gives the seed and prints it.
 *
 * @returns a whole number
 */
export function seedOfRun(): number {
  const { [SEED_VARIABLE]: wanted, CI: isBuild } = process.env;
  const unasked = isBuild === undefined ? Math.floor(Math.random() * SEED_MAX) : SEED_OF_BUILDS;
  const seed = Number(wanted ?? unasked);
  console.log(`${SEED_VARIABLE}=${seed}`);
  return seed;
}
