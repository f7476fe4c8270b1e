/** What the clients of one project know in a kill loop, and the comparison of its log with that. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { FoundChange, FoundEvent } from './log-files.js';

/** An acknowledged change. */
export interface Receipt {
  /** What it makes of each key: of a batch all at once. */
  readonly changes: readonly FoundChange[];
  readonly seq: number;
  readonly hash: string;
}

const FAILURES_SHOWN_MAX = 5;
/** Characters of a line or value that are shown: values may be long. */
const SHOWN_CHARACTERS_MAX = 200;

function shown(text: string | null | undefined): string {
  return (text ?? 'nothing').slice(0, SHOWN_CHARACTERS_MAX);
}

/** A batch that was sent: the values that it sets, and the keys that it deletes. */
export interface SentBatch {
  readonly values: readonly string[];
  readonly deleted: readonly string[];
}

/** What the clients of one project know. */
export class KillLedger {
  readonly receipts: Receipt[] = [];
  /** Values whose outcome is unknown. */
  readonly unknown = new Set<string>();
  readonly refused = new Set<string>();
  /** Batches that were sent, by each of their values: wherever one of these is, the others must be in the same line. */
  readonly batches = new Map<string, SentBatch>();
  /** Deletions without an answer. */
  unknownDeletions = 0;
  /** What readers were shown, by seq. */
  readonly seen = new Map<number, { readonly key: string; readonly value: string }>();
  reads = 0;

  /**
   * Compares the log with what clients know; throws with the first few differences.
   *
   * @param events the log now
   * @param previous the log after the last start
   * @returns how many of the values without an answer it has
   */
  compare(events: readonly FoundEvent[], previous: readonly FoundEvent[]): number {
    const faults: string[] = [];
    for (const { seq, changes, hash } of this.receipts) {
      const event = events[seq - 1];
      if (event?.hash === hash && isDeepStrictEqual(event.changes, changes)) continue;
      faults.push(`acknowledged, and not in the log: seq ${seq} ${shown(JSON.stringify(changes))}, there: ${shown(event?.line)}`);
    }
    for (const [seq, { key, value }] of this.seen) {
      const event = events[seq - 1];
      if (event?.changes.some((change) => change.key === key && change.value === value) === true) continue;
      faults.push(`shown to a reader, and not in the log: seq ${seq} ${key} ${shown(value)}`);
    }
    for (const [index, event] of previous.entries()) {
      if (events[index]?.hash !== event.hash) faults.push(`changed since the last start: ${shown(event.line)}`);
    }
    faults.push(...this.#strangers(events));
    assert.deepEqual(faults.slice(0, FAILURES_SHOWN_MAX), [], `${faults.length} faults`);
    return valuesIn(events).filter((value) => this.unknown.has(value)).length;
  }

  /** Events that were never asked for, were refused, or stand there twice. */
  #strangers(events: readonly FoundEvent[]): string[] {
    const acknowledged = new Set(this.receipts.map(({ seq }) => seq));
    const values = new Set<string>();
    const faults: string[] = [];
    let deletions = 0;
    for (const event of events) {
      const { seq, op, line } = event;
      if (op === 'delete' && !acknowledged.has(seq)) deletions += 1;
      for (const value of valuesIn([event])) {
        if (values.has(value)) faults.push(`twice in the log: ${shown(line)}`);
        values.add(value);
        if (this.refused.has(value)) faults.push(`refused, and in the log: ${shown(line)}`);
        if (!acknowledged.has(seq) && !this.unknown.has(value)) faults.push(`never asked for: ${shown(line)}`);
      }
      if (!this.#isWhole(event)) faults.push(`not one whole batch: ${shown(line)}`);
    }
    if (deletions > this.unknownDeletions) faults.push(`${deletions} deletions of which only ${this.unknownDeletions} were asked for`);
    return faults;
  }

  /** Whether a line is all that one batch sets, and nothing that it does not ask for. A key that was not there is not deleted. */
  #isWhole(event: FoundEvent): boolean {
    const values = valuesIn([event]);
    const [first] = values;
    const batch = first === undefined ? undefined : this.batches.get(first);
    if (batch === undefined) return event.op !== 'batch';
    const isAsked = event.changes.every(({ key, value }) => value !== null || batch.deleted.includes(key));
    return isAsked && isDeepStrictEqual(values, batch.values);
  }
}

function valuesIn(events: readonly FoundEvent[]): string[] {
  return events.flatMap(({ changes }) => changes.flatMap(({ value }) => value ?? []));
}
