/**
 * Assesses readiness from the states of the projects, the registry, the disk and the background work.
 */
import { countText } from '../base/count-text.js';
import { LINE_BYTES_MAX } from '../log/log.js';
import type { MaintenanceState } from './project-maintenance.js';
import type { Readiness, ReadinessCheck } from './projects.js';
import type { RegistryState } from './registry.js';

const NOTHING_RECORDED = 'no project can be created or deleted or get a new API key';

/** Without it, no damage found would read as no damage. */
const SCRUB_PACE = 'the scrub reads all of them after each startup and once a week';

const REGISTRY_DETAILS: Readonly<Record<RegistryState, string>> = {
  writable: 'sound',
  read_only: `the disk is full: ${NOTHING_RECORDED}`,
  failed: `failed until the server restarts: ${NOTHING_RECORDED}`,
  closed: 'closed',
  damaged: `damaged: ${NOTHING_RECORDED}`,
};

/** The free space on disk, as the rule sees it that refuses writes. */
export interface SpaceReport {
  /** Size of the largest write that is allowed now, in bytes; negative if no growth is allowed. */
  readonly largestBytes: number;
  /** Size of the largest refused write that would be refused again, in bytes; undefined if there is none. */
  readonly refusedBytes: number | undefined;
}

/** The facts about projects that readiness needs. */
export interface ProjectFacts {
  /** Number of projects. */
  readonly count: number;
  /** Projects that cannot write. */
  readonly degraded: Readiness['degraded'];
}

/** The state of the server besides its projects. */
export interface ServerCondition extends MaintenanceState {
  readonly registry: RegistryState;
  readonly space: SpaceReport;
  /** Number of reads that found something else on disk than what was written. */
  readonly damagedReads: number;
}

/**
 * Assesses readiness. A server is not ready only if it has projects and none of them can write. A nearly full disk, failing snapshots and
 * damage do not make it unready: reads and deletes continue, and a load balancer that removed it would make things worse.
 */
export function assessReadiness({ count, degraded }: ProjectFacts, condition: ServerCondition): Readiness {
  const { registry, space, compactionsFailing, readableFailing, scrubsDamaged, damagedReads, filesUnmoved } = condition;
  const writable = count - degraded.length;
  const ready = count === 0 || writable > 0;
  const checks: ReadinessCheck[] = [
    { name: 'projects', ok: degraded.length === 0, detail: `${writable} of ${countText(count, 'project')} can write` },
    { name: 'registry', ok: registry === 'writable', detail: REGISTRY_DETAILS[registry] },
    diskSpace(space, registry === 'read_only' || degraded.some(({ state }) => state === 'read_only')),
    counted('compaction', compactionsFailing, ['project', 'whose last snapshot failed']),
    counted('readable_snapshot', readableFailing, ['project', 'whose <id>.json is not up to date']),
    counted('scrub', scrubsDamaged, ['project', `with damaged files; ${SCRUB_PACE}`]),
    counted('unmoved_files', filesUnmoved, ['project', 'deleted or moved to memory whose files could not be moved out of the way']),
    counted('reads', damagedReads, ['read', 'since startup that found something else on disk than was written']),
  ];
  return { ready, checks, degraded };
}

const MAKE_ROOM = 'free space by "retention", or by deleting projects';

/**
 * Reports which writes are refused because of free space, by the watch or by the disk itself. A write that was refused for its own size
 * keeps the check failing for as long as it would be refused again.
 */
function diskSpace({ largestBytes, refusedBytes }: SpaceReport, isFull: boolean): ReadinessCheck {
  const name = 'disk_room';
  if (isFull) return { name, ok: false, detail: `full: writes to the affected logs are refused until there is space; ${MAKE_ROOM}` };
  if (largestBytes <= 0) return { name, ok: false, detail: `low: writes that add data get 507, deletes continue; ${MAKE_ROOM}` };
  if (refusedBytes !== undefined) {
    const what = `writes of more than ${largestBytes} bytes get 507, as one of ${refusedBytes} bytes did`;
    return { name, ok: false, detail: `short: ${what}; smaller ones and deletes continue; ${MAKE_ROOM}` };
  }
  const isLimiting = largestBytes < LINE_BYTES_MAX;
  return { name, ok: true, detail: isLimiting ? `enough for writes of up to ${largestBytes} bytes` : 'enough' };
}

function counted(name: string, count: number, [unit, what]: readonly [unit: string, what: string]): ReadinessCheck {
  return { name, ok: count === 0, detail: `${countText(count, unit)} ${what}` };
}
