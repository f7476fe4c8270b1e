/**
 * The names of everything that snapshots keep in a project's folder. Pure.
 *
 * Every name begins with `snap-` and the generation's seq. What is not a manifest, and not a data file of a generation that has
 * one, is the rest of an attempt.
 */
import { invariant } from '../../base/invariant.js';

const SEQ_DIGITS = 20;
const NAME = /^snap-(\d{20})\.(json|index|manifest|manifest-new|copy-new|link-new|run-\d{1,9})$/;

/** The parts of a generation, the manifest last. */
export type GenerationPart = 'json' | 'index' | 'manifest';

/** What is written on the way to a generation and never outlives the attempt; `link-new` is what earlier versions left. */
export type TemporaryPart = 'manifest-new' | 'copy-new' | 'link-new' | `run-${number}`;

/** A name taken apart. */
export interface SnapshotName {
  readonly seq: number;
  readonly part: GenerationPart | TemporaryPart;
}

/**
 * The name of a file.
 *
 * @param seq the generation's seq, from 1
 */
export function snapshotName(seq: number, part: GenerationPart | TemporaryPart): string {
  invariant(Number.isSafeInteger(seq) && seq >= 1, 'seq counts from 1');
  return `snap-${String(seq).padStart(SEQ_DIGITS, '0')}.${part}`;
}

/**
 * Takes a name apart.
 *
 * @returns undefined for a name that snapshots never gave
 */
export function parseSnapshotName(name: string): SnapshotName | undefined {
  const fields = NAME.exec(name);
  if (fields === null) return undefined;
  const seq = Number(fields[1]);
  if (!Number.isSafeInteger(seq) || seq < 1) return undefined;
  return { seq, part: fields[2] as SnapshotName['part'] };
}
