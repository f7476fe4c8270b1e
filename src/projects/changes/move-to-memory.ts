/**
 * Moves a live project from disk to memory. Reads continue; writes wait until the log is replaced and then go to the new one.
 *
 * The steps: the update becomes the last line of the log; `project.left` is recorded in the registry; the log is replaced by one in
 * memory; the files move to `_left` and are never deleted; the entry of the configuration loses its revision (`update-project.ts`).
 *
 * A crash on the way leaves a log whose newest settings say memory: startup completes the move, and the data moves with it. If it is
 * unknown whether `project.left` was recorded, the project accepts no more writes until the next startup, which knows: on disk, that
 * startup might leave acknowledged writes behind; in memory, it might replace them by an older state from disk.
 */
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import { randomHexId } from '../../base/random-id.js';
import { diffSettings, mergeSettings } from '../../events/project-settings.js';
import type { LogHome } from '../../log/log-home.js';
import type { Log } from '../../log/log.js';
import type { CommandContext, UpdateProjectCommand } from '../../store/command.js';
import { logOptionsOf, type ProjectStore } from '../../store/project-store.js';
import type { ProjectServices } from '../project-resources.js';
import { asApplied } from './failed-change.js';
import { isOutcomeUnknown, suspendWrites } from './suspend-project.js';

/** Logged if files stay under the name of a project that is in memory. */
export const LEFT_FILES_STAY = 'the files of a project that was moved to memory could not be moved away; the next startup retries';

/** A requested move between memory and disk. */
export interface Move {
  /** The one event of the move, together with all other requested changes. */
  readonly command: UpdateProjectCommand;
  readonly context: CommandContext;
  /** Called once the change is in force, before any queued command is decided. */
  readonly onApplied?: (() => void) | undefined;
}

/**
 * Refuses a move from disk that would include files that this server did not write.
 *
 * @throws {AppError} `project_files_exist`
 */
export async function requireMovableFiles(home: LogHome, id: string): Promise<void> {
  const { foreignNames: files } = await home.examine(id);
  if (files.length === 0) return;
  const message = `Cannot move the project "${id}" to memory: under its name are files that this server did not write`;
  throw new AppError('project_files_exist', `${message}; move them away and try again`, { facts: { files } });
}

/**
 * Moves a project from disk to memory. All of its values are in memory already. An update that the log already has is not written again.
 *
 * @throws {AppError} the errors of a write. If the update is in the log and a later step failed, the project keeps writing to its
 *   log, and another request or the next startup completes the move. If it is unknown whether the move was recorded, the project
 *   accepts no more writes
 */
export async function moveToMemory(
  services: Pick<ProjectServices, 'memoryHome' | 'registry' | 'maintenance' | 'logger'>, store: ProjectStore, move: Move,
): Promise<void> {
  const { memoryHome, registry, maintenance, logger } = services;
  const { command, context, onApplied } = move;
  const settings = mergeSettings(store.settings, command.change);
  const release = await store.hold();
  let onDisk: Log;
  const { id, logId } = store;
  try {
    refuseWhileErasing(id, store.redactions.unfinished.length > 0);
    if (diffSettings(store.settings, settings).names.length > 0) await store.submitHeld(command, context);
    onApplied?.();
    const base = { seq: store.seq, hash: store.hash };
    const registration = registry.registrations.get(id);
    if (registration?.state !== 'left' || registration.logId !== logId) {
      const event = { op: 'project.left', id, log_id: logId, last_seq: base.seq, last_hash: base.hash } as const;
      await registry.record(event, context).catch((error: unknown) => refuseToLeave(logger, store, error));
    }
    onDisk = store.replaceLog(await memoryHome.create(id, { ...logOptionsOf(settings.storage), logId: randomHexId(), base }));
  } finally {
    release();
  }
  await store.reads.settleReads();
  await store.feed.settle();
  await closeReplacedLog(logger, onDisk);
  await maintenance.unmoved.leave(id, logId).catch(logFailure(logger, 'error', { project: id }, LEFT_FILES_STAY));
}

/**
 * Refuses a move while values are still to be erased in the files: where they are kept, nothing would erase them.
 *
 * @throws {AppError} `busy`
 */
export function refuseWhileErasing(id: string, isErasing: boolean): void {
  if (isErasing) throw new AppError('busy', `Cannot move the project "${id}" to memory: values in its files are still to be erased`);
}

/** The store is held. */
async function refuseToLeave(logger: Logger, store: ProjectStore, error: unknown): Promise<never> {
  if (isOutcomeUnknown(error)) {
    await suspendWrites(logger, store, 'its move to memory may or may not have been recorded; the next startup knows');
  }
  throw asApplied(error, `Cannot record the move of the project "${store.id}" to memory`);
}

/** Closes the log that a project no longer uses; a failure costs nothing. */
export async function closeReplacedLog(logger: Logger, log: Log): Promise<void> {
  const message = 'the previous log of a project that was moved could not be closed';
  await log.close().catch(logFailure(logger, 'warn', { project: log.project }, message));
}
