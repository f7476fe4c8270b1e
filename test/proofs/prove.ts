/**
 * The command behind `npm run prove [-- NAME…] [--durability fsync|interval|os] [--seed N] [--scale N] [--short]`. Progress goes to
 * standard error, the table to standard output.
 */
import { parseArgs } from 'node:util';
import { DURABILITIES } from './proof.js';
import { PROOFS } from './proofs.js';
import { proofTable, runProofs, type RunOptions } from './run-proofs.js';

const EXIT_USAGE = 64;
const SEED_MAX = 1_000_000;
const SCALE_MAX = 1000;

/** What was asked for. */
export interface ProveArguments extends Omit<RunOptions, 'say'> {
  readonly names: readonly string[];
}

/**
 * Reads the arguments.
 *
 * @param args what stands behind the command
 * @returns what they ask for
 * @throws {Error} saying what is wrong with them
 */
export function parseProveArguments(args: readonly string[]): ProveArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      durability: { type: 'string' }, seed: { type: 'string' }, scale: { type: 'string', default: '1' },
      short: { type: 'boolean', default: false },
    },
  });
  const { durability } = values;
  const durabilities = durability === undefined ? DURABILITIES : DURABILITIES.filter((one) => one === durability);
  if (durabilities.length === 0) throw new Error(`--durability takes ${DURABILITIES.join(', ')}, not ${durability}`);
  const known = PROOFS.filter(({ takesDurability }) => takesDurability || durability === undefined).map(({ name }) => name);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const which = durability === undefined ? 'no proof' : 'no proof that takes a durability named';
    throw new Error(`There is ${which} ${unknown.join(', ')}; there are ${known.join(', ')}`);
  }
  const names = positionals.length === 0 ? known : known.filter((name) => positionals.includes(name));
  const random = Math.floor(Math.random() * SEED_MAX);
  const seed = values.seed === undefined ? random : wholeNumber('seed', values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const scale = wholeNumber('scale', values.scale, { min: 1, max: SCALE_MAX });
  return { names, seed, scale, durabilities, form: values.short ? 'short' : 'long' };
}

function wholeNumber(name: string, text: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`--${name} takes a whole number from ${min} to ${max}, not ${text}`);
}

/**
 * Runs what the arguments ask for.
 *
 * @param args what stands behind the command
 * @returns the exit code: 0 when every proof holds, 1 when one does not, 64 for arguments that make no sense
 */
export async function prove(args: readonly string[]): Promise<number> {
  let asked: ProveArguments;
  try {
    asked = parseProveArguments(args);
  } catch (error) {
    console.error((error as Error).message);
    return EXIT_USAGE;
  }
  // Ended by a signal, the process still takes along what it started.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  console.error(`seed ${asked.seed}`);
  const proven = await runProofs(PROOFS.filter(({ name }) => asked.names.includes(name)), { ...asked, say: (text) => console.error(text) });
  console.log(proofTable(proven));
  return proven.every(({ faults }) => faults.length === 0) ? 0 : 1;
}
