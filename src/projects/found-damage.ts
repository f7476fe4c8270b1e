/**
 * Damage that was found in the files of projects while they are served, by what read them: the scrub, or retention before it removes
 * a segment. Readiness counts it; the server log has the details.
 */
import { basename } from 'node:path';
import type { Finding } from '../base/finding.js';
import type { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import { parseSnapshotName } from '../projections/snapshot/snapshot-names.js';

/** What is known of damage, by project. */
export class FoundDamage {
  readonly #findings = new Map<string, readonly Finding[]>();

  /** How many projects have damage in their files. */
  get projectCount(): number {
    return [...this.#findings.values()].filter(({ length }) => length > 0).length;
  }

  /** Takes over what reading everything of a project has found. */
  replace(project: string, findings: readonly Finding[]): void {
    this.#findings.set(project, findings);
  }

  /** Adds what reading one file has found. */
  add(project: string, finding: Finding): void {
    this.#findings.set(project, [...(this.#findings.get(project) ?? []), finding]);
  }

  /**
   * Adds what reading a snapshot has found, unless something of it is known already.
   *
   * @returns it, as the server log shows it
   */
  addSnapshot(project: string, seq: number, { file, offset, expected, found }: SnapshotCorruptError): Finding {
    const finding = { file: `${project}/${file}`, offset, seq, expected, found };
    if (!this.hasSnapshot(project, seq)) this.add(project, finding);
    return finding;
  }

  /**
   * Tells whether anything is wrong with a snapshot.
   *
   * @returns true where one of its files is damaged or missing
   */
  hasSnapshot(project: string, seq: number): boolean {
    return (this.#findings.get(project) ?? []).some((finding) => seqOfSnapshot(finding) === seq);
  }

  /** Forgets what is wrong with a snapshot that is gone. */
  forgetSnapshot(project: string, seq: number): void {
    const findings = this.#findings.get(project);
    if (findings !== undefined) this.#findings.set(project, findings.filter((finding) => seqOfSnapshot(finding) !== seq));
  }

  /** Forgets a project whose files are gone or belong to something else now. */
  forget(project: string): void {
    this.#findings.delete(project);
  }
}

function seqOfSnapshot({ file, kind }: Finding): number | undefined {
  // What a newer version wrote is not damaged.
  return kind === 'newer_format' ? undefined : parseSnapshotName(basename(file))?.seq;
}
