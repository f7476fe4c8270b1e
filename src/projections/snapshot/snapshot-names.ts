/**
 * The names of the files of snapshots in a project's folder. Pure.
 *
 * Every name begins with `snap-` and the generation's seq. A file that is neither a manifest nor a data file of a generation with a
 * manifest is left over from an interrupted attempt.
 */
import { invariant } from '../../base/invariant.js';

const SEQ_DIGITS = 20;
const NAME = /^snap-(\d{20})\.((?:json|index|manifest)(?:-erased)?|requests|manifest-new|copy-new|link-new|run-\d{1,9})$/;

/** The parts of a generation; the manifest is written last. */
type GenerationPart = 'json' | 'index' | 'requests' | 'manifest';

/** Files that do not outlive an attempt. Only earlier versions wrote `link-new`. */
type TemporaryPart =
  | 'manifest-new' | 'copy-new' | 'link-new' | 'json-erased' | 'index-erased' | 'manifest-erased' | `run-${number}`;

/** A parsed file name. */
export interface SnapshotName {
  readonly seq: number;
  readonly part: GenerationPart | TemporaryPart;
}

/**
 * Returns the name of a file.
 *
 * @param seq the generation's seq, from 1
 */
export function snapshotName(seq: number, part: GenerationPart | TemporaryPart): string {
  invariant(Number.isSafeInteger(seq) && seq >= 1, 'seq counts from 1');
  return `snap-${String(seq).padStart(SEQ_DIGITS, '0')}.${part}`;
}

/** Parses a file name; undefined for a file that is not of a snapshot. */
export function parseSnapshotName(name: string): SnapshotName | undefined {
  const fields = NAME.exec(name);
  if (fields === null) return undefined;
  const seq = Number(fields[1]);
  if (!Number.isSafeInteger(seq) || seq < 1) return undefined;
  return { seq, part: fields[2] as SnapshotName['part'] };
}
