/**
 * Retention: which sealed segments a project's settings remove, and which are to be compressed. Nothing is removed that the
 * snapshots do not cover, the one that a start would fall back on included; each removal is recorded before it happens.
 *
 * A segment is read through and checked first. A damaged one stays as it is, and with it all that retention would remove after it: the
 * record would vouch for a text that was never written, a compressed copy would put sound checksums on it, and a person may want what
 * can be read of it.
 */
import type { Clock } from '../base/clock.js';
import type { Finding } from '../base/finding.js';
import type { Logger } from '../base/logger.js';
import type { RetentionSettings } from '../events/project-settings.js';
import type { Log, SealedSegment } from '../log/log.js';
import type { SegmentCheck } from '../projections/snapshot/file-work.js';
import type { CommandContext } from '../store/command.js';
import type { BackgroundTasks } from './background-tasks.js';
import type { FoundDamage } from './found-damage.js';
import type { ServerJournal } from './server-journal.js';

const MS_PER_SECOND = 1000;
const DAMAGED_TOLD = 'retention found a damaged segment and leaves it as it is; docs/recovery.md says what to do';
const DAMAGED_FORM_TOLD = 'a segment lies there plain and compressed, and this form is damaged; it stays unless the other is sound';
const FORM_KEPT_TOLD = 'a segment lay there plain and compressed: this form was read and is sound, and the other one was removed';

/** What retention works with. */
export interface RetentionParts {
  readonly log: Log;
  readonly journal: ServerJournal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: Pick<BackgroundTasks, 'check'>;
  readonly damage: FoundDamage;
  /** Where the files are, absolute. */
  readonly dataFolder: string;
  readonly settings: RetentionSettings;
  /** First seqs of segments that are known to be damaged: they are not read again. Added to. */
  readonly heldBack: Set<number>;
  /** Who removes. */
  readonly context: CommandContext;
  /** Ends the checks. */
  readonly signal: AbortSignal;
}

/** How far snapshots reach. */
export interface Coverage {
  /** The newest snapshot's seq. */
  readonly newestSeq: number;
  /** The seq of the snapshot that a start uses where the newest is damaged; 0 where there is none. */
  readonly fallbackSeq: number;
  /**
   * Reads that snapshot whole, before anything goes for which it stands in.
   *
   * @returns its seq; a lower one where it proved damaged, and another takes its place
   */
  readonly proveFallback: () => Promise<number>;
}

/** Removes and compresses segments as the settings say. */
export async function applyRetention(parts: RetentionParts, coverage: Coverage): Promise<void> {
  const { log, settings } = parts;
  if (log.sealed === undefined) return;
  for (const segment of log.sealed.list()) if (segment.isDoubled) await keepSoundForm(segment, parts);
  for (const segment of log.sealed.list()) {
    if (segment.lastSeq > coverage.fallbackSeq || !(await mayGo(segment, parts))) break;
    if (segment.lastSeq > (await coverage.proveFallback())) break;
    if (!(await removeRecorded(segment, parts))) break;
  }
  if (settings.compress !== 'gzip') return;
  for (const segment of log.sealed.list()) {
    if (segment.lastSeq > coverage.newestSeq) break;
    if (!segment.isCompressed && (await digestOf(segment, parts)) !== undefined) await log.sealed.compress(segment.firstSeq);
  }
}

/** Asked of the oldest segment only: the ones behind it are younger, and removing it makes the rest smaller. */
async function mayGo({ firstSeq }: SealedSegment, { log, settings, clock }: RetentionParts): Promise<boolean> {
  const totalBytes = (log.sealed?.list() ?? []).reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  if (settings.max_bytes !== null && totalBytes > settings.max_bytes) return true;
  if (settings.max_age_seconds === null) return false;
  const sealedAtMs = await log.sealed?.sealedAtMs(firstSeq);
  return sealedAtMs !== undefined && clock.wallMs() - sealedAtMs > settings.max_age_seconds * MS_PER_SECOND;
}

/**
 * The record comes first: a segment that is gone without one would look like a loss. The record of a log that is not registered
 * would be passed over, so there nothing goes either.
 */
async function removeRecorded(segment: SealedSegment, parts: RetentionParts): Promise<boolean> {
  const { log, journal, logger, context } = parts;
  const registration = journal.registrations.get(log.project);
  const isRegistered = registration?.state === 'live' && registration.logId === log.logId;
  if (log.sealed === undefined || journal.isCorrupt || !isRegistered) return false;
  const { firstSeq, lastSeq, sizeBytes } = segment;
  const sha256 = await digestOf(segment, parts);
  if (sha256 === undefined) return false;
  const facts = { first_seq: firstSeq, last_seq: lastSeq, bytes: sizeBytes, sha256 };
  await journal.record({ op: 'segment.removed', id: log.project, log_id: log.logId, ...facts }, context);
  await log.sealed.remove(firstSeq);
  logger.info({ project: log.project, ...facts }, 'a segment was removed, as the retention of the project says');
  return true;
}

/** Which of two forms is sound shows only when they are read, so neither goes before the other was read through. */
async function keepSoundForm(segment: SealedSegment, parts: RetentionParts): Promise<void> {
  const { log, logger, heldBack } = parts;
  const { firstSeq } = segment;
  if (heldBack.has(firstSeq)) return;
  const place = { project: log.project, first_seq: firstSeq };
  for (const isCompressed of [segment.isCompressed, !segment.isCompressed]) {
    const check = await checkTwice({ ...segment, isCompressed }, parts);
    if (!check.isSound) {
      logger.warn({ ...place, ...check.finding }, DAMAGED_FORM_TOLD);
      if (isCompressed !== segment.isCompressed) holdBack(firstSeq, check.finding, parts);
      continue;
    }
    try {
      await log.sealed?.keepForm(firstSeq, isCompressed);
      logger.info({ ...place, is_compressed: isCompressed }, FORM_KEPT_TOLD);
    } catch (error) {
      logger.warn({ ...place, err: error }, 'one of the two forms of a segment could not be removed; the next compaction tries again');
    }
    return;
  }
}

/** Checks a segment; undefined where it is damaged, which is reported once. */
async function digestOf(segment: SealedSegment, parts: RetentionParts): Promise<string | undefined> {
  if (parts.heldBack.has(segment.firstSeq)) return undefined;
  const check = await checkTwice(segment, parts);
  if (check.isSound) return check.sha256;
  holdBack(segment.firstSeq, check.finding, parts);
  return undefined;
}

/** A segment of which no form is sound is reported once, and not read again. */
function holdBack(firstSeq: number, finding: Finding, { log: { project }, damage, heldBack, logger }: RetentionParts): void {
  heldBack.add(firstSeq);
  damage.add(project, finding);
  logger.error({ project, ...finding }, DAMAGED_TOLD);
}

/** Damage counts when a second reading finds it too. */
async function checkTwice(
  { firstSeq, lastSeq, isCompressed }: SealedSegment, { log: { project, logId }, tasks, dataFolder, signal }: RetentionParts,
): Promise<SegmentCheck> {
  const job = { dataFolder, project, logId, firstSeq, lastSeq, isCompressed };
  const first = await tasks.check(job, signal);
  return first.isSound ? first : await tasks.check(job, signal);
}
