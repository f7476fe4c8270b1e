/**
 * Trying whether the disk has room again. Knows no log: it writes a file of its own beside it.
 */
import { type Disk, writeNewFile } from '../../disk/disk.js';
import type { Logger } from '../../base/logger.js';
import type { LogPaths } from './log-paths.js';

/** How much must fit, in bytes. */
const PROBE_BYTES = 65_536;

/**
 * Writes and syncs a file and removes it again. A crash leaves a file that the next start drops.
 *
 * @throws what the disk threw, when there is no room
 */
export async function probeRoom(disk: Disk, paths: LogPaths): Promise<void> {
  await disk.unlink(paths.probe);
  try {
    await writeNewFile(disk, paths.probe, Buffer.alloc(PROBE_BYTES));
  } finally {
    await disk.unlink(paths.probe);
  }
}

/** How often a log that found the disk full tries again, in milliseconds. */
const PROBE_INTERVAL_MS = 5000;

/** What a waiting needs to know. */
export interface RoomProbeOptions {
  /** @default {@link PROBE_INTERVAL_MS} */
  readonly intervalMs: number | undefined;
  readonly logger: Logger;
  /** Whether anybody still waits. */
  isWanted(): boolean;
  /** Called once when there is room. */
  onRoom(): void;
}

/** Tries again and again until there is room or no writer waits any more. */
export class RoomProbe {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: RoomProbeOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(disk: Disk, paths: LogPaths, options: RoomProbeOptions) {
    this.#disk = disk;
    this.#paths = paths;
    this.#options = options;
  }

  /** Begins to try, after one interval. */
  start(): void {
    this.#timer = setTimeout(() => void this.#probe(), this.#options.intervalMs ?? PROBE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Tries no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  async #probe(): Promise<void> {
    const { logger, onRoom } = this.#options;
    try {
      await probeRoom(this.#disk, this.#paths);
    } catch (error) {
      logger.debug({ project: this.#paths.project, err: error }, 'the disk is still full');
      if (this.#options.isWanted()) this.start();
      return;
    }
    if (this.#options.isWanted()) onRoom();
  }
}
