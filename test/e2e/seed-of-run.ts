/** The seed of tests that choose at random: a new one each run, printed, and taken from the environment to have a run again. */
const SEED_VARIABLE = 'SIMPLEKV_TEST_SEED';
const SEED_MAX = 1_000_000;

/**
 * Gives the seed and prints it.
 *
 * @returns a whole number
 */
export function seedOfRun(): number {
  const seed = Number(process.env[SEED_VARIABLE] ?? Math.floor(Math.random() * SEED_MAX));
  console.log(`${SEED_VARIABLE}=${seed}`);
  return seed;
}
