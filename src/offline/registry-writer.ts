/**
 * Writes the registry while no server runs. The caller holds the lock of the data folder.
 */
import { join } from 'node:path';
import type { Logger } from '../base/logger.js';
import { programCommand } from '../base/program-command.js';
import { randomHexId } from '../base/random-id.js';
import type { Disk } from '../disk/disk.js';
import { ACTOR_SERVER } from '../events/actor.js';
import { encodeEvent } from '../events/codec.js';
import type { ProjectRepaired, ServerEvent } from '../events/event.js';
import { BUILT_IN_STORAGE } from '../events/project-settings.js';
import { FileHome } from '../log/file/file-home.js';
import type { Log, LogOptions } from '../log/log.js';
import { readRegistry, REGISTRY } from './registry.js';

/** How commands open the logs that they write. A project's own settings apply from the next startup on. */
export const OFFLINE_LOG_OPTIONS: LogOptions = {
  durability: 'fsync', syncIntervalMs: BUILT_IN_STORAGE.sync_interval_ms, segmentBytes: BUILT_IN_STORAGE.segment_bytes,
};

/** Where to write, and who does. */
interface RegistryPlace {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly logger: Logger;
  /** Begins the ids of the requests in the lines. */
  readonly command: 'repair' | 'restore';
}

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
export async function recordRepair(event: ProjectRepaired, place: RegistryPlace): Promise<void> {
  const { disk, dataFolder } = place;
  const { registrations } = await readRegistry(disk, dataFolder);
  if (registrations.get(event.id)?.logId === event.log_id) return;
  if ((await disk.status(join(dataFolder, `${REGISTRY}.jsonl`))) === undefined) throw new RegistryUnusableError(['--data', dataFolder]);
  await recordEvents([event], place);
}

/**
 * Appends to the registry, and creates it if there is none.
 *
 * @throws {LogCorruptError} when it is damaged
 */
export async function recordEvents(events: readonly ServerEvent[], place: RegistryPlace): Promise<void> {
  const { disk, dataFolder: folder, logger } = place;
  const log = await new FileHome({ folder, disk, logger }).open(REGISTRY, { ...OFFLINE_LOG_OPTIONS, replay: () => undefined });
  if (log === undefined) await createRegistry(events, place);
  else await appendAndClose(log, events, place);
}

/** Creates a registry in a folder that has none. */
export async function createRegistry(events: readonly ServerEvent[], place: RegistryPlace): Promise<void> {
  const { disk, dataFolder: folder, logger } = place;
  const options = { ...OFFLINE_LOG_OPTIONS, logId: randomHexId() };
  await appendAndClose(await new FileHome({ folder, disk, logger }).create(REGISTRY, options), events, place);
}

async function appendAndClose(log: Log, events: readonly ServerEvent[], { command }: RegistryPlace): Promise<void> {
  const request = `${command}-${randomHexId()}`;
  try {
    if (events.length === 0) return;
    await log.append(events.map((event) => ({ ...encodeEvent(event), actor: ACTOR_SERVER, request })), log.position().seq);
  } finally {
    await log.close();
  }
}
