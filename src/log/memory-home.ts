/**
 * The home of logs without files. A log lives as long as it is referenced.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { CreateOptions, Log, LogHome, NameHolding } from './log.js';
import { MemoryLog } from './memory-log.js';

/** Creates logs in memory. There is nothing to open, find or remove. */
export class MemoryHome implements LogHome {
  readonly #options: { readonly clock?: Clock; readonly logger?: Logger };

  /** @param options clock and logger of the logs */
  constructor(options: { readonly clock?: Clock; readonly logger?: Logger } = {}) {
    this.#options = options;
  }

  async create(project: string, options: CreateOptions): Promise<Log> {
    const { logId, base } = options;
    return await Promise.resolve(new MemoryLog({ ...this.#options, project, logId, ...(base === undefined ? {} : { base }) }));
  }

  async open(): Promise<undefined> {
    return await Promise.resolve(undefined);
  }

  async namesOf(): Promise<readonly string[]> {
    return await Promise.resolve([]);
  }

  async identify(): Promise<undefined> {
    return await Promise.resolve(undefined);
  }

  async leave(): Promise<void> {
    await Promise.resolve();
  }

  async remove(): Promise<void> {
    await Promise.resolve();
  }

  async discard(): Promise<void> {
    await Promise.resolve();
  }

  async examine(): Promise<NameHolding> {
    return await Promise.resolve({ owner: { kind: 'unknown' }, foreignNames: [] });
  }

  async finishRemovals(): Promise<readonly []> {
    return await Promise.resolve([]);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
