/**
 * The names of everything a project has on disk. Pure.
 */
import { join } from 'node:path';
import { invariant } from '../../base/invariant.js';

const SEGMENT_DIGITS = 20;
const SEGMENT_NAME = /^(\d{20})\.jsonl(\.gz)?$/;
/** A torn tail that was cut: the seq that was due, its offset, and which copy it is. */
const TORN_NAME = /^torn-[1-9]\d{0,15}-\d{1,16}-[1-9]\d{0,8}$/;
/** What `projections/snapshot/snapshot-names.ts` gives; a test compares the two. */
const SNAPSHOT_NAME = /^snap-\d{20}\.(json|index|manifest|manifest-new|copy-new|link-new|run-\d{1,9})$/;
/** The text of a compressed segment, written out for reading. */
const INFLATED_NAME = /^inflated-\d{20}-[1-9]\d{0,15}$/;
/** Names that a creation leaves in the project's folder before the project exists. */
export const UNFINISHED_NAMES: readonly string[] = ['next', 'head', 'head.tmp'];
const OTHER_NAMES: readonly string[] = [...UNFINISHED_NAMES, 'compressing', 'probe'];

/** Folder of what deletion is erasing, inside the home. No project id begins with `_`. */
export const TRASH_FOLDER = '_trash';

/** Folder of what has left the disk and is kept for a person, inside the home. */
export const LEFT_FOLDER = '_left';

/** Paths of one project inside the home of the logs. */
export class LogPaths {
  /** The home's folder, absolute. */
  readonly home: string;
  /** The project's id. */
  readonly project: string;

  /**
   * @param home the home's folder, absolute
   * @param project the project's id, already checked
   */
  constructor(home: string, project: string) {
    invariant(!/[/\\\0]|^\.|^$/.test(project), 'a project id is a plain file name');
    this.home = home;
    this.project = project;
  }

  /** The active segment's name inside the home; it never changes, so that `tail -F` can follow it. */
  get activeName(): string {
    return `${this.project}.jsonl`;
  }

  /** The active segment. */
  get active(): string {
    return join(this.home, this.activeName);
  }

  /** The newest snapshot's name inside the home. */
  get snapshotName(): string {
    return `${this.project}.json`;
  }

  /** The newest snapshot. */
  get snapshot(): string {
    return join(this.home, this.snapshotName);
  }

  /** The project's folder. */
  get folder(): string {
    return join(this.home, this.project);
  }

  /** The durable watermark. */
  get head(): string {
    return join(this.folder, 'head');
  }

  /** A segment that is about to become the active one. */
  get next(): string {
    return join(this.folder, 'next');
  }

  /** A compressed segment that is being made. */
  get compressing(): string {
    return join(this.folder, 'compressing');
  }

  /** A file that is written to see whether there is room again. */
  get probe(): string {
    return join(this.folder, 'probe');
  }

  /** @param opening tells this writing out from others of the same text, from 1 */
  inflated(firstSeq: number, opening: number): string {
    return join(this.folder, `inflated-${String(firstSeq).padStart(SEGMENT_DIGITS, '0')}-${opening}`);
  }

  inFolder(name: string): string {
    return join(this.folder, name);
  }

  /** @returns the path relative to the home, for people */
  shown(name: string): string {
    return `${this.project}/${name}`;
  }
}

/**
 * The name of a sealed segment.
 *
 * @returns 20 digits and `.jsonl`
 */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(SEGMENT_DIGITS, '0')}.jsonl`;
}

/**
 * The name of a sealed segment that has been compressed.
 *
 * @returns 20 digits and `.jsonl.gz`
 */
export function compressedName(firstSeq: number): string {
  return `${segmentName(firstSeq)}.gz`;
}

/**
 * Tells whether a name is one of a snapshot's files.
 *
 * @returns true for a name that snapshots give
 */
export function isSnapshotName(name: string): boolean {
  return SNAPSHOT_NAME.test(name);
}

/**
 * Tells what this program writes into a project's folder from what others put there. Only the former is ever erased.
 *
 * @returns true for a name that this program gives
 */
export function isOwnName(name: string): boolean {
  return OTHER_NAMES.includes(name) || [SEGMENT_NAME, TORN_NAME, INFLATED_NAME, SNAPSHOT_NAME].some((form) => form.test(name));
}

/**
 * Tells whether a name is that of a text that was written out for reading.
 *
 * @returns true for what only a crash leaves there
 */
export function isInflatedName(name: string): boolean {
  return INFLATED_NAME.test(name);
}

/** A sealed segment, by its name. */
export interface SealedName {
  readonly firstSeq: number;
  /** True when only its compressed form is there. */
  readonly isCompressed: boolean;
  /** Both forms are there, and either may be damaged. Absent where there is one. */
  readonly isDoubled?: true;
}

/**
 * Picks the sealed segments out of the names in a project's folder. One that is there in both forms, after an interrupted compressing or
 * where a person unpacked it, counts as plain.
 *
 * @param names names, in any order
 * @returns each segment once, ascending
 */
export function sealedSegmentNames(names: readonly string[]): readonly SealedName[] {
  const forms = new Map<number, SealedName>();
  for (const name of names) {
    const [, digits, ending] = SEGMENT_NAME.exec(name) ?? [];
    if (digits === undefined) continue;
    const firstSeq = Number(digits);
    const isCompressed = ending !== undefined;
    forms.set(firstSeq, forms.has(firstSeq) ? { firstSeq, isCompressed: false, isDoubled: true } : { firstSeq, isCompressed });
  }
  return [...forms.values()].sort((a, b) => a.firstSeq - b.firstSeq);
}
