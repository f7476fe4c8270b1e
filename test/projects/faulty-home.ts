/** A home of logs in which appending, making and removing fail on demand; everything else is the real home's. */
import type { AppError } from '../../src/base/app-error.js';
import type { LogHome } from '../../src/log/log-home.js';
import type { Log } from '../../src/log/log.js';

/** How an append fails. */
export interface AppendFault {
  readonly error: Error;
  /** True: the lines are in the file all the same. */
  readonly isWritten?: boolean;
  /** What happens before it fails, while the caller waits. */
  readonly meanwhile?: () => void;
}

/** What fails. */
export class HomeFaults {
  /** Appends, by project or `_server`. */
  readonly appends = new Map<string, AppendFault>();
  /** Making a log of this name. */
  readonly creations = new Map<string, AppError>();
  /** Removing a log of this name. */
  readonly removals = new Map<string, Error>();
  /** Moving the files of a log of this name to where they are kept. */
  readonly leaves = new Map<string, Error>();

  /** Puts the faults over a home. */
  over(home: LogHome): LogHome {
    const spoil = (log: Log): Log => this.#spoil(log);
    return {
      create: async (project, options) => {
        const error = this.creations.get(project);
        if (error !== undefined) throw error;
        return spoil(await home.create(project, options));
      },
      open: async (project, options) => {
        const log = await home.open(project, options);
        return log && spoil(log);
      },
      remove: async (project, logId) => {
        const error = this.removals.get(project);
        if (error !== undefined) throw error;
        await home.remove(project, logId);
      },
      namesOf: (project) => home.namesOf(project),
      identify: (project) => home.identify(project),
      eraseCopies: (project) => home.eraseCopies(project),
      leave: async (project, logId) => {
        const error = this.leaves.get(project);
        if (error !== undefined) throw error;
        await home.leave(project, logId);
      },
      examine: (project) => home.examine(project),
      discard: (project, logId) => home.discard(project, logId),
      finishRemovals: (recorded) => home.finishRemovals(recorded),
      close: () => home.close(),
    };
  }

  #spoil(log: Log): Log {
    const append = log.append.bind(log);
    log.append = async (drafts, expectedLastSeq, options) => {
      const fault = this.appends.get(log.project);
      if (fault === undefined) return await append(drafts, expectedLastSeq, options);
      fault.meanwhile?.();
      if (fault.isWritten === true) await append(drafts, expectedLastSeq, options);
      throw fault.error;
    };
    return log;
  }
}
