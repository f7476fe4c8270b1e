/** What a page loads to check the facts: bundled, it is a script that leaves two functions. */
import { FACT_GROUPS } from './all-facts.js';
import { checkFacts, type FactServer } from './fact.js';
import { writeStubbornly } from './stubborn-writes.js';

/** What the script leaves. */
export interface LeftFunctions {
  /** Checks the facts of a group; returns those that do not hold. */
  readonly runFacts: (group: string, server: FactServer) => Promise<readonly string[]>;
  readonly writeStubbornly: typeof writeStubbornly;
}

const left: LeftFunctions = {
  runFacts: async (group, server) => await checkFacts(FACT_GROUPS[group] ?? [], server, group),
  writeStubbornly,
};

Object.assign(globalThis, left);
