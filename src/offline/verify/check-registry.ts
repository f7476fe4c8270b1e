/**
 * Checks the registry and its snapshots: their bytes, and that a snapshot holds the same as the lines up to it.
 */
import type { Finding } from '../../base/finding.js';
import type { Disk } from '../../disk/disk.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { snapshotsOf } from '../project-files.js';
import { readRegistry, REGISTRY, type RegistryContent } from '../registry.js';
import { type CheckedSnapshots, checkSnapshots } from './check-snapshots.js';

/** The registry with its snapshots. */
interface CheckedRegistry extends RegistryContent {
  readonly snapshots: Omit<CheckedSnapshots, 'findings'>;
}

/**
 * Reads the registry and checks its snapshots against it.
 *
 * @param dataFolder the data folder, absolute
 * @returns the registry, with the findings in its log and its snapshots
 */
export async function checkRegistry(disk: Disk, dataFolder: string, signal?: AbortSignal): Promise<CheckedRegistry> {
  const folder = snapshotsOf(disk, { dataFolder, project: REGISTRY });
  // Listed before the log is read, so that the log has every line that they hold.
  const known = new Set((await folder.list()).committed.map(({ seq }) => seq));
  const expected = new Map<number, string>();
  const read = await readRegistry(disk, dataFolder, {
    signal,
    onApplied: ({ seq }, registrations) => {
      if (known.has(seq)) expected.set(seq, JSON.stringify(registrations.save()));
    },
  });
  const logId = read.log?.logId;
  if (logId === undefined) return { ...read, snapshots: { sound: [], bytes: 0 } };
  const checked = await checkSnapshots({ disk, files: { dataFolder, project: REGISTRY, logId }, signal });
  const findings: Finding[] = [...read.findings, ...checked.findings];
  for (const manifest of checked.sound.filter(({ seq }) => expected.has(seq))) {
    const entries: [string, string][] = [];
    for await (const group of folder.readEntries(manifest)) for (const { key, value } of group) entries.push([key, value]);
    if (JSON.stringify(entries) === expected.get(manifest.seq)) continue;
    const file = `${REGISTRY}/${snapshotName(manifest.seq, 'json')}`;
    const place = { file, offset: 0, seq: manifest.seq };
    findings.push({ ...place, expected: 'the state after the lines up to it', found: 'another state', kind: 'snapshot' });
  }
  return { ...read, findings, snapshots: checked };
}
