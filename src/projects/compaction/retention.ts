/**
 * Retention: removes and compresses the sealed segments of a project as its settings say. It removes only what both the newest snapshot
 * and its fallback cover, and records each removal before it happens.
 *
 * A segment is read and checked first. A damaged one stays as it is, and so does every younger one: the record would vouch for a text
 * that was never written, a compressed copy would put valid checksums on it, and a person may want the parts that can still be read.
 */
import type { Finding } from '../../base/finding.js';
import type { RetentionSettings } from '../../events/project-settings.js';
import type { SealedSegment } from '../../log/log.js';
import type { SegmentCheck } from '../../projections/snapshot/file-work.js';
import type { CommandContext } from '../../store/command.js';
import type { BackgroundTasks } from '../background-tasks.js';
import type { FileLeases } from './file-leases.js';
import type { CompactionParts } from './project-compaction.js';

const MS_PER_SECOND = 1000;
const DAMAGED = 'retention found a damaged segment and leaves it as it is; docs/recovery.md says what to do';
const DAMAGED_COPY = 'a segment exists plain and compressed, and this copy is damaged; it is kept unless the other copy is sound';
const COPY_KEPT = 'a segment existed plain and compressed: this copy was read and is sound, and the other one was removed';
const COPY_STAYS = 'one of the two copies of a segment could not be removed; the next compaction retries';

/** The project, its settings, and the services that retention uses. */
export interface RetentionParts extends Pick<CompactionParts, 'log' | 'registry' | 'clock' | 'logger' | 'damage' | 'dataFolder'> {
  readonly tasks: Pick<BackgroundTasks, 'check'>;
  readonly settings: RetentionSettings;
  /** Keep files that are being copied. */
  readonly leases: FileLeases;
  /** First seqs of segments that are known to be damaged and not read again. Retention adds to it. */
  readonly heldBack: Set<number>;
  /** Recorded as the actor of the removals. */
  readonly context: CommandContext;
  /** Aborts the checks. */
  readonly signal: AbortSignal;
}

/** The part of the log that snapshots cover. */
export interface Coverage {
  /** Seq of the newest snapshot. */
  readonly newestSeq: number;
  /** Seq of the snapshot that startup uses if the newest is damaged; 0 if there is none. */
  readonly fallbackSeq: number;
  /**
   * Reads the fallback completely, before anything that it covers is removed.
   *
   * @returns its seq, or the lower one of an older snapshot that replaces it because it is damaged
   */
  readonly proveFallback: () => Promise<number>;
}

/** Removes and compresses segments. */
export async function applyRetention(parts: RetentionParts, coverage: Coverage): Promise<void> {
  const { leases, log, settings } = parts;
  if (log.sealed === undefined) return;
  for (const segment of log.sealed.list()) {
    if (segment.isDoubled) await leases.remove({ segment: segment.firstSeq }, () => keepSoundCopy(segment, parts));
  }
  for (const segment of log.sealed.list()) {
    if (segment.lastSeq > coverage.fallbackSeq || !(await mayGo(segment, parts))) break;
    if (segment.lastSeq > (await coverage.proveFallback())) break;
    if (!(await removeRecorded(segment, parts))) break;
  }
  if (settings.compress !== 'gzip') return;
  for (const segment of log.sealed.list()) {
    if (segment.lastSeq > coverage.newestSeq) break;
    const { firstSeq, isCompressed } = segment;
    if (isCompressed || leases.keeps({ segment: firstSeq }) || (await digestOf(segment, parts)) === undefined) continue;
    await leases.remove({ segment: firstSeq }, async () => await log.sealed?.compress(firstSeq));
  }
}

/** Called for the oldest segment only: the others are younger, and each removal makes the rest smaller. */
async function mayGo({ firstSeq }: SealedSegment, { log, settings, clock }: RetentionParts): Promise<boolean> {
  const totalBytes = (log.sealed?.list() ?? []).reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  if (settings.max_bytes !== null && totalBytes > settings.max_bytes) return true;
  if (settings.max_age_seconds === null) return false;
  const sealedAtMs = await log.sealed?.sealedAtMs(firstSeq);
  return sealedAtMs !== undefined && clock.wallMs() - sealedAtMs > settings.max_age_seconds * MS_PER_SECOND;
}

/**
 * Records the removal first: a segment missing without a record would look like a loss. The record of an unregistered log would be
 * ignored, so no segment of one is removed.
 */
async function removeRecorded(segment: SealedSegment, parts: RetentionParts): Promise<boolean> {
  const { log, leases, registry, logger, context } = parts;
  const registration = registry.registrations.get(log.project);
  const isRegistered = registration?.state === 'live' && registration.logId === log.logId;
  const { firstSeq, lastSeq, sizeBytes } = segment;
  if (registry.isCorrupt || !isRegistered || leases.keeps({ segment: firstSeq })) return false;
  const sha256 = await digestOf(segment, parts);
  if (sha256 === undefined) return false;
  const facts = { first_seq: firstSeq, last_seq: lastSeq, bytes: sizeBytes, sha256 };
  return await leases.remove({ segment: firstSeq }, async () => {
    await registry.record({ op: 'segment.removed', id: log.project, log_id: log.logId, ...facts }, context);
    await log.sealed?.remove(firstSeq);
    logger.info({ project: log.project, ...facts }, 'a segment was removed according to the retention of the project');
  });
}

/** Removes one of the two copies of a segment, once the other was read completely and is sound. */
async function keepSoundCopy(segment: SealedSegment, parts: RetentionParts): Promise<void> {
  const { log, logger, heldBack } = parts;
  const { firstSeq } = segment;
  if (heldBack.has(firstSeq)) return;
  const place = { project: log.project, first_seq: firstSeq };
  for (const isCompressed of [segment.isCompressed, !segment.isCompressed]) {
    const check = await checkTwice({ ...segment, isCompressed }, parts);
    if (!check.isSound) {
      logger.warn({ ...place, ...check.finding }, DAMAGED_COPY);
      if (isCompressed !== segment.isCompressed) holdBack(firstSeq, check.finding, parts);
      continue;
    }
    try {
      await log.sealed?.keepForm(firstSeq, isCompressed);
      logger.info({ ...place, is_compressed: isCompressed }, COPY_KEPT);
    } catch (error) {
      logger.warn({ ...place, err: error }, COPY_STAYS);
    }
    return;
  }
}

/** Reads a segment; undefined if it is damaged, which is reported once. */
async function digestOf(segment: SealedSegment, parts: RetentionParts): Promise<string | undefined> {
  if (parts.heldBack.has(segment.firstSeq)) return undefined;
  const check = await checkTwice(segment, parts);
  if (check.isSound) return check.sha256;
  holdBack(segment.firstSeq, check.finding, parts);
  return undefined;
}

/** Reports a segment without a sound copy, which is then not read again. */
function holdBack(firstSeq: number, finding: Finding, { log: { project }, damage, heldBack, logger }: RetentionParts): void {
  heldBack.add(firstSeq);
  damage.add(project, finding);
  logger.error({ project, ...finding }, DAMAGED);
}

/** Damage counts only if a second reading finds it too. */
async function checkTwice(
  { firstSeq, lastSeq, isCompressed }: SealedSegment, { log: { project, logId }, tasks, dataFolder, signal }: RetentionParts,
): Promise<SegmentCheck> {
  const job = { dataFolder, project, logId, firstSeq, lastSeq, isCompressed };
  const first = await tasks.check(job, signal);
  return first.isSound ? first : await tasks.check(job, signal);
}
