/**
 * Damage that the scrub, retention or a compaction found in the files of served projects. Readiness counts it; the server log has the
 * details.
 */
import { basename } from 'node:path';
import type { Finding } from '../base/finding.js';
import type { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import { parseSnapshotName } from '../projections/snapshot/snapshot-names.js';

/** The known damage, by project. */
export class FoundDamage {
  readonly #findings = new Map<string, readonly Finding[]>();

  /** Number of projects with damaged files. */
  get projectCount(): number {
    return [...this.#findings.values()].filter(({ length }) => length > 0).length;
  }

  /** Replaces the findings of a project by those of a full read. */
  replace(project: string, findings: readonly Finding[]): void {
    this.#findings.set(project, findings);
  }

  /** Adds a finding in one file. */
  add(project: string, finding: Finding): void {
    this.#findings.set(project, [...(this.#findings.get(project) ?? []), finding]);
  }

  /**
   * Adds damage of a snapshot, unless damage of it is known already.
   *
   * @returns the finding, for the server log
   */
  addSnapshot(project: string, seq: number, { file, offset, expected, found }: SnapshotCorruptError): Finding {
    const finding = { file: `${project}/${file}`, offset, seq, expected, found };
    if (!this.hasSnapshot(project, seq)) this.add(project, finding);
    return finding;
  }

  /** Whether a file of a snapshot is known to be damaged or missing. */
  hasSnapshot(project: string, seq: number): boolean {
    return (this.#findings.get(project) ?? []).some((finding) => seqOfSnapshot(finding) === seq);
  }

  /** Forgets the damage of a snapshot that was removed or proved sound. */
  forgetSnapshot(project: string, seq: number): void {
    const findings = this.#findings.get(project);
    if (findings !== undefined) this.#findings.set(project, findings.filter((finding) => seqOfSnapshot(finding) !== seq));
  }

  /** Forgets the damage of a project whose files are gone. */
  forget(project: string): void {
    this.#findings.delete(project);
  }
}

function seqOfSnapshot({ file, kind }: Finding): number | undefined {
  // A file of a newer version is not damaged.
  return kind === 'newer_format' ? undefined : parseSnapshotName(basename(file))?.seq;
}
