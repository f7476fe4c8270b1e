/**
 * Writes the registry during a repair. The caller holds the lock of the data folder.
 */
import type { Logger } from '../../base/logger.js';
import { programCommand } from '../../base/program-command.js';
import { randomHexId } from '../../base/random-id.js';
import type { Disk } from '../../disk/disk.js';
import { ACTOR_SERVER } from '../../events/actor.js';
import { encodeEvent } from '../../events/codec.js';
import type { ProjectRepaired, ServerEvent } from '../../events/event.js';
import { BUILT_IN_STORAGE } from '../../events/project-settings.js';
import { FileHome } from '../../log/file/file-home.js';
import type { Log, LogOptions } from '../../log/log.js';
import { readRegistry, REGISTRY } from '../registry.js';

/** How a repair opens the logs that it writes. A project's own settings apply from the next startup on. */
export const REPAIR_LOG_OPTIONS: LogOptions = {
  durability: 'fsync', syncIntervalMs: BUILT_IN_STORAGE.sync_interval_ms, segmentBytes: BUILT_IN_STORAGE.segment_bytes,
};

/** The registry is damaged or missing, so no repair can be recorded in it. */
export class RegistryUnusableError extends Error {
  override readonly name = 'RegistryUnusableError';

  /** @param folderWords command-line options that name the same data folder */
  constructor(folderWords: readonly string[]) {
    const command = programCommand(['repair', REGISTRY, ...folderWords]);
    super(`Cannot repair a project: the registry, "${REGISTRY}.jsonl", is damaged or missing. Repair it first: ${command}`);
  }
}

/**
 * Records the repair of a project, unless it is recorded already.
 *
 * @throws {RegistryUnusableError} when the registry is missing
 * @throws {LogCorruptError} when it is damaged
 */
export async function recordRepair(event: ProjectRepaired, disk: Disk, dataFolder: string, logger: Logger): Promise<void> {
  const { registrations } = await readRegistry(disk, dataFolder);
  if (registrations.get(event.id)?.logId === event.log_id) return;
  const log = await new FileHome({ folder: dataFolder, disk, logger }).open(REGISTRY, { ...REPAIR_LOG_OPTIONS, replay: () => undefined });
  if (log === undefined) throw new RegistryUnusableError(['--data', dataFolder]);
  await appendAndClose(log, [event]);
}

/** Creates a registry in a folder that has none. */
export async function createRegistry(events: readonly ServerEvent[], disk: Disk, folder: string, logger: Logger): Promise<void> {
  const options = { ...REPAIR_LOG_OPTIONS, logId: randomHexId() };
  await appendAndClose(await new FileHome({ folder, disk, logger }).create(REGISTRY, options), events);
}

async function appendAndClose(log: Log, events: readonly ServerEvent[]): Promise<void> {
  const request = `repair-${randomHexId()}`;
  try {
    if (events.length === 0) return;
    await log.append(events.map((event) => ({ ...encodeEvent(event), actor: ACTOR_SERVER, request })), log.position().seq);
  } finally {
    await log.close();
  }
}
