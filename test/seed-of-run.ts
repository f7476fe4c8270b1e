/**
 * The seed of tests that choose at random, printed, and read from the environment to repeat a run. Outside CI each run takes another
 * seed. CI, which sets the variable `CI`, always takes the same one, so that a commit does not pass one day and fail the next; the long
 * forms of `npm run prove` try everything that these tests sample.
 */
const SEED_VARIABLE = 'TEST_SEED';
const SEED_MAX = 1_000_000;
const SEED_IN_CI = 20_261_123;

let seed: number | undefined;

/**
 * Returns the seed of this process, and prints it the first time.
 *
 * @returns a whole number
 */
export function seedOfRun(): number {
  if (seed !== undefined) return seed;
  const { [SEED_VARIABLE]: wanted, CI: isCi } = process.env;
  seed = Number(wanted ?? (isCi === undefined ? Math.floor(Math.random() * SEED_MAX) : SEED_IN_CI));
  console.log(`${SEED_VARIABLE}=${seed}`);
  return seed;
}
