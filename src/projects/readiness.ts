/**
 * Whether the server can do its work, from the states of its projects and of what goes on around them.
 */
import type { KeepingState } from './project-keeper.js';
import type { ProjectDetails, Readiness, ReadinessCheck } from './projects.js';
import type { ServerLogState } from './server-journal.js';

const NOTHING_RECORDED = 'no project can be created, deleted or given another key';

const SERVER_LOG_DETAILS: Readonly<Record<ServerLogState, string>> = {
  writable: 'sound',
  read_only: `the disk is full: ${NOTHING_RECORDED}`,
  failed: `failed until the server is started again: ${NOTHING_RECORDED}`,
  closed: 'closed',
  damaged: `damaged: ${NOTHING_RECORDED}`,
};

/** What readiness rests on besides the projects themselves. */
export interface ServerCondition extends KeepingState {
  /** How the server's own log stands. */
  readonly serverLog: ServerLogState;
  /** True while writes that grow are refused, so that what must be written still has room. */
  readonly isRoomLow: boolean;
  /** How many reads of values from disk found something else than what was written. */
  readonly damagedReads: number;
}

/**
 * Assesses readiness: not ready only when there are projects and none of them can write. Little room, snapshots that fail and
 * damage that was found do not make a server unready: reads and deletes go on, and a balancer that took it away would make it worse.
 *
 * @param projects all projects
 * @param condition what else there is to know
 * @returns the checks, and who is not well
 */
export function assessReadiness(projects: readonly ProjectDetails[], condition: ServerCondition): Readiness {
  const { serverLog, isRoomLow, compactionsFailing, readableFailing, scrubsDamaged, damagedReads } = condition;
  const degraded = projects.filter(({ state }) => state !== 'serving').map(({ id, state }) => ({ id, state }));
  const writable = projects.length - degraded.length;
  const ready = projects.length === 0 || writable > 0;
  const checks: ReadinessCheck[] = [
    { name: 'projects', ok: degraded.length === 0, detail: `${writable} of ${projects.length} projects can write` },
    { name: 'registry', ok: serverLog === 'writable', detail: SERVER_LOG_DETAILS[serverLog] },
    diskRoom(isRoomLow, serverLog === 'read_only' || degraded.some(({ state }) => state === 'read_only')),
    counted('compaction', compactionsFailing, 'projects whose snapshot could not be made'),
    counted('readable_snapshot', readableFailing, 'projects whose <id>.json could not be brought up to date'),
    counted('scrub', scrubsDamaged, 'projects with damage in their files'),
    counted('reads', damagedReads, 'reads of values that found something else on disk than was written'),
  ];
  return { ready, checks, degraded };
}

const MAKE_ROOM = 'make room by "retention", or by deleting projects';

/** What is refused for want of room is what the check says, whether the watch refuses it or the disk itself. */
function diskRoom(isLow: boolean, isFull: boolean): ReadinessCheck {
  const name = 'disk_room';
  if (isFull) return { name, ok: false, detail: `full: logs that found no room take no writes until there is some; ${MAKE_ROOM}` };
  if (isLow) return { name, ok: false, detail: `low: writes that grow get 507, deletes go on; ${MAKE_ROOM}` };
  return { name, ok: true, detail: 'enough' };
}

function counted(name: string, count: number, what: string): ReadinessCheck {
  return { name, ok: count === 0, detail: `${count} ${what}` };
}
