/**
 * The home of logs without files: creates logs in memory. There is nothing to open, find or remove.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { LogHome } from './log-home.js';
import type { LogObserver } from './log-observer.js';
import { MemoryLog } from './memory-log.js';

/**
 * Returns a home whose logs live as long as they are referenced.
 *
 * @param options clock, logger and observer of the logs
 */
export function memoryHome(
  options: { readonly clock?: Clock; readonly logger?: Logger; readonly observer?: LogObserver } = {},
): LogHome {
  const nothing = (): Promise<undefined> => Promise.resolve(undefined);
  return {
    create: (project, { logId, base }) => Promise.resolve(new MemoryLog({ ...options, project, logId, ...(base && { base }) })),
    open: nothing,
    namesOf: () => Promise.resolve([]),
    identify: nothing,
    examine: () => Promise.resolve({ owner: { kind: 'unknown' }, foreignNames: [] }),
    remove: nothing,
    discard: nothing,
    leave: nothing,
    eraseCopies: () => Promise.resolve([]),
    finishRemovals: () => Promise.resolve([]),
    close: nothing,
  };
}
