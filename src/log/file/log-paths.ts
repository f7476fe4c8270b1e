/**
 * The names of everything that a project has on disk. Pure: opens nothing.
 */
import { join } from 'node:path';
import { invariant } from '../../base/invariant.js';

const SEGMENT_DIGITS = 20;
const SEGMENT_NAME = /^(\d{20})\.jsonl(\.gz)?$/;
/** The copy of a torn tail that was cut: the seq expected there, its offset, and the number of the copy. */
const TORN_NAME = /^torn-[1-9]\d{0,15}-\d{1,16}-[1-9]\d{0,8}$/;
/** As `projections/snapshot/snapshot-names.ts` assigns them; a test compares the two. */
const SNAPSHOT_NAME = /^snap-\d{20}\.((json|index|manifest)(-erased)?|requests|manifest-new|copy-new|link-new|run-\d{1,9})$/;
/** The text of a compressed segment, inflated for random access. */
const INFLATED_NAME = /^inflated-\d{20}-[1-9]\d{0,15}$/;
/** Names that an interrupted creation can leave in the project's folder before the project exists. */
export const UNFINISHED_NAMES: readonly string[] = ['next', 'head', 'head.tmp'];
const OTHER_NAMES: readonly string[] = [...UNFINISHED_NAMES, 'compressing', 'erasing', 'probe'];

/** Folder in the data folder from which deleted projects are erased. No project id begins with `_`. */
export const TRASH_FOLDER = '_trash';

/** Folder in the data folder that keeps the files of projects that were moved off the disk. */
export const LEFT_FOLDER = '_left';

/** Folder in the data folder with what repairs have moved away. */
export const REPAIR_FOLDER = '_repair';

/** The paths of one project in the data folder. */
export class LogPaths {
  /** The data folder, absolute. */
  readonly home: string;
  /** The project's id. */
  readonly project: string;

  /**
   * @param home the data folder, absolute
   * @param project a valid project id
   */
  constructor(home: string, project: string) {
    invariant(!/[/\\\0]|^\.|^$/.test(project), 'a project id is a plain file name');
    this.home = home;
    this.project = project;
  }

  /** The active segment's name in the data folder. It never changes, so `tail -F` can follow it. */
  get activeName(): string {
    return `${this.project}.jsonl`;
  }

  /** The active segment. */
  get active(): string {
    return join(this.home, this.activeName);
  }

  /** The readable snapshot's name in the data folder. */
  get snapshotName(): string {
    return `${this.project}.json`;
  }

  /** The readable snapshot. */
  get snapshot(): string {
    return join(this.home, this.snapshotName);
  }

  /** The project's folder. */
  get folder(): string {
    return join(this.home, this.project);
  }

  /** The head: the durable watermark. */
  get head(): string {
    return join(this.folder, 'head');
  }

  /** The segment that a rotation is about to activate. */
  get next(): string {
    return join(this.folder, 'next');
  }

  /** The compressed segment being written. */
  get compressing(): string {
    return join(this.folder, 'compressing');
  }

  /** The copy of a segment, without the lines to be erased, that is being written. */
  get erasing(): string {
    return join(this.folder, 'erasing');
  }

  /** A file written to test whether the disk has space again. */
  get probe(): string {
    return join(this.folder, 'probe');
  }

  /** @param opening from 1; distinguishes several inflated texts of one segment */
  inflated(firstSeq: number, opening: number): string {
    return join(this.folder, `inflated-${String(firstSeq).padStart(SEGMENT_DIGITS, '0')}-${opening}`);
  }

  inFolder(name: string): string {
    return join(this.folder, name);
  }

  /** @returns the path relative to the data folder, for messages */
  shown(name: string): string {
    return `${this.project}/${name}`;
  }
}

/**
 * Returns the name of a sealed segment in the project's folder.
 *
 * @returns 20 digits and `.jsonl`, or `.jsonl.gz` for the compressed form
 */
export function segmentName(firstSeq: number, isCompressed = false): string {
  return `${String(firstSeq).padStart(SEGMENT_DIGITS, '0')}.jsonl${isCompressed ? '.gz' : ''}`;
}

/**
 * Tells whether a name is that of a snapshot file.
 *
 * @returns true for a name that snapshots use
 */
export function isSnapshotName(name: string): boolean {
  return SNAPSHOT_NAME.test(name);
}

/** Tells whether a name is that of a torn tail that was cut off and kept. */
export function isTornName(name: string): boolean {
  return TORN_NAME.test(name);
}

/**
 * Tells whether this program may have written a file in a project's folder. Only such files are ever erased.
 *
 * @returns true for a name that this program uses
 */
export function isOwnName(name: string): boolean {
  return OTHER_NAMES.includes(name) || [SEGMENT_NAME, TORN_NAME, INFLATED_NAME, SNAPSHOT_NAME].some((form) => form.test(name));
}

/**
 * Tells whether a name is that of an inflated text.
 *
 * @returns true for a file that only a crash can leave behind
 */
export function isInflatedName(name: string): boolean {
  return INFLATED_NAME.test(name);
}

/** A segment as its file names identify it. */
export interface ListedSegment {
  readonly firstSeq: number;
  /** True if only its compressed form exists. */
  readonly isCompressed: boolean;
  /** Set for a sealed segment of which both forms exist. Either may be damaged; the plain one is read first. */
  readonly isDoubled?: true;
  /** Set for the active segment. */
  readonly isActive?: true;
}

/**
 * Picks the sealed segments out of the names in a project's folder. A segment has both forms after an interrupted compression, or
 * where someone unpacked it by hand.
 *
 * @param names in any order
 * @returns each segment once, ascending
 */
export function sealedSegmentsIn(names: readonly string[]): readonly ListedSegment[] {
  const segments = new Map<number, ListedSegment>();
  for (const name of names) {
    const [, digits, ending] = SEGMENT_NAME.exec(name) ?? [];
    if (digits === undefined) continue;
    const firstSeq = Number(digits);
    const isCompressed = ending !== undefined;
    segments.set(firstSeq, segments.has(firstSeq) ? { firstSeq, isCompressed: false, isDoubled: true } : { firstSeq, isCompressed });
  }
  return [...segments.values()].sort((a, b) => a.firstSeq - b.firstSeq);
}
