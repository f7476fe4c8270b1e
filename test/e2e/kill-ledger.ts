/** What the clients of one project know in a kill loop, and the comparison of its log with that. */
import assert from 'node:assert/strict';
import type { FoundEvent } from './log-files.js';

/** An acknowledged change. */
export interface Receipt {
  readonly key: string;
  /** Null for a deletion. */
  readonly value: string | null;
  readonly seq: number;
  readonly hash: string;
}

const FAILURES_SHOWN_MAX = 5;
/** Characters of a line or value that are shown: values may be long. */
const SHOWN_CHARACTERS_MAX = 200;

function shown(text: string | null | undefined): string {
  return (text ?? 'nothing').slice(0, SHOWN_CHARACTERS_MAX);
}

/** What the clients of one project know. */
export class KillLedger {
  readonly receipts: Receipt[] = [];
  /** Values whose outcome is unknown. */
  readonly unknown = new Set<string>();
  readonly refused = new Set<string>();
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
    for (const { seq, key, value, hash } of this.receipts) {
      const event = events[seq - 1];
      if (event?.hash === hash && event.key === key && event.value === value) continue;
      faults.push(`acknowledged, and not in the log: seq ${seq} ${key} ${shown(value)}, there: ${shown(event?.line)}`);
    }
    for (const [seq, { key, value }] of this.seen) {
      const event = events[seq - 1];
      if (event?.key === key && event.value === value) continue;
      faults.push(`shown to a reader, and not in the log: seq ${seq} ${key} ${shown(value)}`);
    }
    for (const [index, event] of previous.entries()) {
      if (events[index]?.hash !== event.hash) faults.push(`changed since the last start: ${shown(event.line)}`);
    }
    faults.push(...this.#strangers(events));
    assert.deepEqual(faults.slice(0, FAILURES_SHOWN_MAX), [], `${faults.length} faults`);
    return events.filter(({ value }) => value !== null && this.unknown.has(value)).length;
  }

  /** Events that were never asked for, were refused, or stand there twice. */
  #strangers(events: readonly FoundEvent[]): string[] {
    const acknowledged = new Set(this.receipts.map(({ seq }) => seq));
    const values = new Set<string>();
    const faults: string[] = [];
    let deletions = 0;
    for (const { seq, op, value, line } of events) {
      if (op === 'delete' && !acknowledged.has(seq)) deletions += 1;
      if (op !== 'set' || value === null) continue;
      if (values.has(value)) faults.push(`twice in the log: ${shown(line)}`);
      values.add(value);
      if (this.refused.has(value)) faults.push(`refused, and in the log: ${shown(line)}`);
      if (!acknowledged.has(seq) && !this.unknown.has(value)) faults.push(`never asked for: ${shown(line)}`);
    }
    if (deletions > this.unknownDeletions) faults.push(`${deletions} deletions of which only ${this.unknownDeletions} were asked for`);
    return faults;
  }
}
