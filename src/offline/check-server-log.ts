/**
 * Checks the snapshots of the registry: their bytes, and that they say what its lines amount to.
 */
import type { Finding } from '../base/finding.js';
import type { Disk } from '../disk/disk.js';
import { checkSnapshots } from './check-snapshots.js';
import { snapshotsOf } from './project-snapshots.js';
import { type ReadRegistrations, readRegistrations, SERVER_LOG } from './server-registrations.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';

/** The registry with its snapshots. */
export interface CheckedServerLog extends ReadRegistrations {
  /** Seqs of the sound snapshots, newest first. */
  readonly snapshots: readonly number[];
  /** Bytes of snapshots that were read. */
  readonly snapshotBytes: number;
}

/**
 * Reads the registry and checks its snapshots against it.
 *
 * @param dataFolder the data folder, absolute
 * @returns what was found, in the log and in the snapshots
 */
export async function checkServerLog(disk: Disk, dataFolder: string, signal?: AbortSignal): Promise<CheckedServerLog> {
  const folder = snapshotsOf(disk, { dataFolder, project: SERVER_LOG });
  // Those that are there before the log is read: the log has every line that they hold.
  const known = new Set((await folder.list()).committed.map(({ seq }) => seq));
  const expected = new Map<number, string>();
  const read = await readRegistrations(disk, dataFolder, {
    signal,
    onApplied: (seq, registrations) => {
      if (known.has(seq)) expected.set(seq, JSON.stringify(registrations.save()));
    },
  });
  const logId = read.log?.logId;
  if (logId === undefined) return { ...read, snapshots: [], snapshotBytes: 0 };
  const checked = await checkSnapshots({ disk, files: { dataFolder, project: SERVER_LOG, logId }, signal });
  const findings: Finding[] = [...read.findings, ...checked.findings];
  for (const manifest of checked.sound.filter(({ seq }) => expected.has(seq))) {
    const entries: [string, string][] = [];
    for await (const group of folder.readEntries(manifest)) for (const { key, value } of group) entries.push([key, value]);
    if (JSON.stringify(entries) === expected.get(manifest.seq)) continue;
    const file = `${SERVER_LOG}/${snapshotName(manifest.seq, 'json')}`;
    const place = { file, offset: 0, seq: manifest.seq };
    findings.push({ ...place, expected: 'what the lines up to there amount to', found: 'something else', kind: 'snapshot' });
  }
  return { ...read, findings, snapshots: checked.sound.map(({ seq }) => seq), snapshotBytes: checked.bytes };
}
