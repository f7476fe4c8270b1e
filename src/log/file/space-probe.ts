/**
 * Tests whether a full disk has space again, by writing a file of its own beside the log.
 */
import type { Logger } from '../../base/logger.js';
import { type Disk, writeNewFile } from '../../disk/disk.js';
import type { LogPaths } from './log-paths.js';

/** How much must fit, in bytes. */
const PROBE_BYTES = 65_536;
/** Interval between two attempts, in milliseconds. */
const PROBE_INTERVAL_MS = 5000;

/** What a probe needs. */
interface SpaceProbeOptions {
  /** @default {@link PROBE_INTERVAL_MS} */
  readonly intervalMs: number | undefined;
  readonly logger: Logger;
  /** Whether the log still waits for space. */
  isWanted(): boolean;
  /** Called once when there is space. */
  onSpace(): void;
}

/** Probes at intervals until there is space or the log no longer waits for it. */
export class SpaceProbe {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #options: SpaceProbeOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(disk: Disk, paths: LogPaths, options: SpaceProbeOptions) {
    this.#disk = disk;
    this.#paths = paths;
    this.#options = options;
  }

  /** Starts probing after one interval. */
  start(): void {
    this.#timer = setTimeout(() => void this.#probe(), this.#options.intervalMs ?? PROBE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Stops probing. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  async #probe(): Promise<void> {
    const { logger, onSpace } = this.#options;
    try {
      await this.#writeProbe();
    } catch (error) {
      logger.debug({ project: this.#paths.project, err: error }, 'the disk is still full');
      if (this.#options.isWanted()) this.start();
      return;
    }
    if (this.#options.isWanted()) onSpace();
  }

  /** Writes and syncs a file and removes it again. A crash leaves a file that the next startup removes. */
  async #writeProbe(): Promise<void> {
    const { probe } = this.#paths;
    await this.#disk.unlink(probe);
    try {
      await writeNewFile(this.#disk, probe, Buffer.alloc(PROBE_BYTES));
    } finally {
      await this.#disk.unlink(probe);
    }
  }
}
