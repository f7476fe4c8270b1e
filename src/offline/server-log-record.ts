/**
 * Adds what a repair did to the registry. The caller holds the lock of the data folder.
 */
import type { Logger } from '../base/logger.js';
import { programCommand } from '../base/program-command.js';
import { randomHexId } from '../base/random-id.js';
import type { Disk } from '../disk/disk.js';
import { ACTOR_SERVER } from '../events/actor.js';
import { encodeEvent } from '../events/codec.js';
import type { ProjectRepaired, ServerEvent } from '../events/event.js';
import { FileHome } from '../log/file/file-home.js';
import type { Log } from '../log/log.js';
import { REPAIR_LOG_OPTIONS } from './repair-files.js';
import { readRegistrations, SERVER_LOG } from './server-registrations.js';

/** Where the registry is. */
export interface ServerLogPlace {
  readonly disk: Disk;
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly logger: Logger;
}

/** The registry cannot take what a repair did, so nothing else can be repaired first. */
export class ServerLogUnusableError extends Error {
  override readonly name = 'ServerLogUnusableError';

  /** @param folderWords the options that name the same data folder again */
  constructor(folderWords: readonly string[]) {
    const command = programCommand(['repair', SERVER_LOG, ...folderWords]);
    super(`Cannot repair a project: the registry, "${SERVER_LOG}.jsonl", is damaged or not there. Repair it first: ${command}`);
  }
}

/**
 * Records a repair, unless it is recorded already.
 *
 * @throws {ServerLogUnusableError} when the registry is not there
 * @throws {LogCorruptError} when it is damaged
 */
export async function recordInServerLog(event: ProjectRepaired, { disk, dataFolder, logger }: ServerLogPlace): Promise<void> {
  const { registrations } = await readRegistrations(disk, dataFolder);
  if (registrations.get(event.id)?.logId === event.log_id) return;
  const log = await new FileHome({ folder: dataFolder, disk, logger }).open(SERVER_LOG, { ...REPAIR_LOG_OPTIONS, replay: () => undefined });
  if (log === undefined) throw new ServerLogUnusableError(['--data', dataFolder]);
  try {
    await appendEvents(log, [event]);
  } finally {
    await log.close();
  }
}

/** Makes a new registry in a home where there is none. */
export async function createServerLog(events: readonly ServerEvent[], { disk, dataFolder, logger }: ServerLogPlace): Promise<string> {
  const logId = randomHexId();
  const log = await new FileHome({ folder: dataFolder, disk, logger }).create(SERVER_LOG, { ...REPAIR_LOG_OPTIONS, logId });
  try {
    if (events.length > 0) await appendEvents(log, events);
    return logId;
  } finally {
    await log.close();
  }
}

async function appendEvents(log: Log, events: readonly ServerEvent[]): Promise<void> {
  const request = `repair-${randomHexId()}`;
  await log.append(events.map((event) => ({ ...encodeEvent(event), actor: ACTOR_SERVER, request })), log.position().seq);
}
