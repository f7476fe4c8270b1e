/**
 * Lets saboteurs loose, one after another, and says which of them the tests have noticed. A failure counts when the tests pass on the
 * unbroken copy, run to their end on the broken one, and fail for what they saw, not because the code does not run.
 */
import { judgeFile } from '../../file-verdict.js';
import type { TestProcessResult } from '../../test-process.js';
import { BuildCopy } from './build-copy.js';
import type { Saboteur, SaboteurVerdict } from './saboteur.js';

/** Copies that are worked on at a time. */
const COPIES = 2;
/** How a test reports a failure: suite, name, and the first line of the reason. */
const FAILURE = /^ {3}FAIL {2}(.+?) {2}"(.+)"\n {4}(.*)$/gm;
/** What a saboteur dies of whose change cannot run. */
const UNRUNNABLE = /\b(?:SyntaxError|ReferenceError)\b.*/;
/** Reasons that show nothing: an accident of the code, and a test that waited for ever. */
const NOT_SEEN = /^(?:TypeError|Error: ".*" was not over after)/;

/** A saboteur with what became of it. */
export interface JudgedSaboteur {
  readonly saboteur: Saboteur;
  readonly verdict: SaboteurVerdict;
  readonly durationMs: number;
}

/** How saboteurs are judged. */
export interface JudgeOptions {
  /** Called with each verdict as soon as it is known. */
  readonly onVerdict?: (judged: JudgedSaboteur) => void;
}

/**
 * Says what a test file has noticed.
 *
 * @param result how it ended on a broken copy
 * @returns the verdict
 */
export function judgeRun(result: TestProcessResult): SaboteurVerdict {
  const verdict = judgeFile(result);
  if (verdict.faults.length === 0) return { kind: 'missed', why: `${verdict.passedCount} tests passed` };
  const unrunnable = UNRUNNABLE.exec(result.output)?.[0];
  if (unrunnable !== undefined) return { kind: 'spoiled', why: `the change cannot run: ${unrunnable}` };
  const failures = [...result.output.matchAll(FAILURE)];
  if (failures.length === 0) return { kind: 'spoiled', why: `no test failed, but: ${verdict.faults.join('; ')}` };
  const seen = failures.find(([, , , reason = '']) => !NOT_SEEN.test(reason));
  if (seen === undefined) return { kind: 'spoiled', why: `nothing was seen to be wrong: ${failures[0]?.[3]}` };
  return { kind: 'caught', by: `${seen[1]}: ${seen[2]}` };
}

/** Work that two copies share. */
class Judgement {
  readonly #waiting: Saboteur[];
  readonly #options: JudgeOptions;
  /** What the unbroken copies came to, by test: undefined when all passed. */
  readonly #unbroken = new Map<string, Promise<string | undefined>>();
  readonly judged: JudgedSaboteur[] = [];

  constructor(saboteurs: readonly Saboteur[], options: JudgeOptions) {
    this.#waiting = [...saboteurs];
    this.#options = options;
  }

  /** Goes on until none is waiting. */
  async work(): Promise<void> {
    const copy = new BuildCopy();
    try {
      for (let saboteur = this.#waiting.shift(); saboteur !== undefined; saboteur = this.#waiting.shift()) {
        const startMs = Date.now();
        const verdict = await this.#judge(copy, saboteur);
        const judged = { saboteur, verdict, durationMs: Date.now() - startMs };
        this.judged.push(judged);
        this.#options.onVerdict?.(judged);
      }
    } finally {
      copy.remove();
    }
  }

  async #judge(copy: BuildCopy, saboteur: Saboteur): Promise<SaboteurVerdict> {
    for (const test of saboteur.tests) {
      const fault = await this.#unbrokenFault(copy, test);
      if (fault !== undefined) return { kind: 'spoiled', why: `${test} fails without any change: ${fault}` };
    }
    let repair: () => void;
    try {
      repair = copy.break(saboteur.changes);
    } catch (error) {
      return { kind: 'spoiled', why: (error as Error).message };
    }
    try {
      return await this.#runAll(copy, saboteur.tests);
    } finally {
      repair();
    }
  }

  /** Every one of the tests has to notice. */
  async #runAll(copy: BuildCopy, tests: readonly string[]): Promise<SaboteurVerdict> {
    const caught: string[] = [];
    for (const test of tests) {
      const verdict = judgeRun(await copy.run(test));
      if (verdict.kind !== 'caught') return { kind: verdict.kind, why: `${test}: ${verdict.why}` };
      caught.push(verdict.by);
    }
    return caught.length === 0 ? { kind: 'missed', why: 'no test is named' } : { kind: 'caught', by: caught.join('; ') };
  }

  async #unbrokenFault(copy: BuildCopy, test: string): Promise<string | undefined> {
    const known = this.#unbroken.get(test);
    if (known !== undefined) return await known;
    const run = copy.run(test).then((result) => {
      const { faults } = judgeFile(result);
      const reasons = [...result.output.matchAll(FAILURE)].map(([, , name, reason]) => `"${name}": ${reason}`);
      return faults.length === 0 ? undefined : [...faults, ...reasons].join('; ');
    });
    this.#unbroken.set(test, run);
    return await run;
  }
}

/**
 * Lets saboteurs loose.
 *
 * @param saboteurs the broken builds
 * @param options whom to tell
 * @returns what became of each, in the order of their names
 */
export async function judgeSaboteurs(saboteurs: readonly Saboteur[], options: JudgeOptions = {}): Promise<readonly JudgedSaboteur[]> {
  const judgement = new Judgement(saboteurs, options);
  await Promise.all(Array.from({ length: Math.min(COPIES, saboteurs.length) }, () => judgement.work()));
  return judgement.judged.toSorted((a, b) => a.saboteur.name.localeCompare(b.saboteur.name));
}
