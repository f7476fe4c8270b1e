/**
 * Compares snapshots with the log that they were made from. Knows their names and that they are JSON, and nothing of the program.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { foldEvents, listingOf, type FoundEvent } from './log-files.js';

const MANIFEST = /^snap-(\d{20})\.manifest$/;

/** What a project amounts to at a seq. */
function stateAt(events: readonly FoundEvent[], seq: number): unknown {
  return JSON.parse(listingOf(foldEvents(events.slice(0, seq))));
}

/**
 * Checks every committed snapshot of a project, and `<project>.json`. The server may be running.
 *
 * @param dataFolder the folder of all logs
 * @param project the project's id
 * @param events its whole log, read after the start
 * @returns the seqs of the snapshots that were there
 * @throws {AssertionError} when one holds something else than the log at its seq, or more than the log
 */
export function compareSnapshots(dataFolder: string, project: string, events: readonly FoundEvent[]): readonly number[] {
  const folder = path.join(dataFolder, project);
  const seqs = readdirSync(folder).flatMap((name) => MANIFEST.exec(name)?.[1] ?? []).map(Number);
  const checked: number[] = [];
  const states: unknown[] = [];
  for (const seq of seqs) {
    assert.ok(seq <= events.length, `a snapshot of seq ${seq} is ahead of its log, which ends with seq ${events.length}`);
    const state = stateAt(events, seq);
    states.push(state);
    const data = path.join(folder, `snap-${String(seq).padStart(20, '0')}.json`);
    // The running server may have removed it meanwhile, as one that is no longer needed.
    if (!existsSync(data)) continue;
    assert.deepEqual(JSON.parse(readFileSync(data, 'utf8')), state, `the snapshot of seq ${seq}`);
    checked.push(seq);
  }
  const shown = path.join(dataFolder, `${project}.json`);
  if (existsSync(shown)) {
    const text = readFileSync(shown, 'utf8');
    const matches = states.some((state) => JSON.stringify(state) === JSON.stringify(JSON.parse(text)));
    assert.ok(matches, `"${project}.json" is none of the snapshots of seq ${seqs.join(', ')}`);
  }
  return checked;
}
