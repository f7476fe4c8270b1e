/**
 * What `repair` says: as text at once, or as one JSON document at its end.
 */
import type { RepairPlan } from '../offline/repair/repair-plan.js';
import type { RegistryPlan } from '../offline/repair/repair-registry.js';
import type { CommandOutput } from './command-output.js';
import { type FormOptions, formOf } from './online/output-form.js';

/**
 * How the project is:
 *
 * - `sound`: there is nothing to repair.
 * - `snapshots_damaged`: only snapshots are damaged, which needs no repair.
 * - `not_provable`: no part of it can be proved intact.
 * - `planned`: what would be kept and lost; nothing was changed.
 * - `repaired`.
 */
type RepairState = 'sound' | 'snapshots_damaged' | 'not_provable' | 'planned' | 'repaired';

/** Members of the document. */
interface RepairFacts extends Readonly<Record<string, unknown>> {
  readonly state: RepairState;
}

/** Collects what is said of one repair. */
export class RepairReport {
  readonly #output: CommandOutput;
  readonly #isText: boolean;
  #document: Readonly<Record<string, unknown>>;

  constructor(project: string, options: FormOptions, output: CommandOutput) {
    this.#output = output;
    this.#isText = formOf(options) === 'text';
    this.#document = { project };
  }

  /** Prints a text, or keeps the facts for the end. */
  async say(text: string, facts: RepairFacts): Promise<void> {
    if (this.#isText) await this.#output.print(text);
    else this.#document = { ...this.#document, ...facts };
  }

  /** Prints the document, unless all was said as text. */
  async end(): Promise<void> {
    if (!this.#isText) await this.#output.print(`${JSON.stringify(this.#document)}\n`);
  }
}

/** What a repair would keep and lose. */
export function planFacts({ snapshot, end, losses }: RepairPlan): RepairFacts {
  const { seqs = null, history = null, bytes, keys, seemingKeys, hasMoreKeys, settingsSeqs, apiKeySeqs, clearSeqs, mayBeMore } = losses;
  return {
    state: 'planned',
    kept: { seq: end.seq, time: new Date(end.timeMs).toISOString(), snapshot_seq: snapshot?.seq ?? null },
    lost: {
      seqs, history, bytes, keys, seeming_keys: seemingKeys, more_keys: hasMoreKeys, settings_seqs: settingsSeqs,
      api_key_seqs: apiKeySeqs, clear_seqs: clearSeqs, may_be_more: mayBeMore,
    },
  };
}

/** What a new registry would have. */
export function registryPlanFacts({ projects, unreadable, kept }: RegistryPlan): RepairFacts {
  const registered = projects.map(({ id, logId }) => ({ id, log_id: logId }));
  return { state: 'planned', projects: registered, unreadable, records_kept: kept.length };
}
