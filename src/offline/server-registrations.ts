/**
 * What the registry says of projects, read from its files.
 */
import type { Finding } from '../base/finding.js';
import type { Disk } from '../disk/disk.js';
import { decodeEvent } from '../events/codec.js';
import { isServerEvent } from '../events/event.js';
import { inspectLog, type LogInspection } from '../log/file/recovery/inspect-log.js';
import type { LogLine } from '../log/log.js';
import { Registrations } from '../projections/registrations.js';
import { asUnreadable } from './findings.js';

/** Name of the registry. No project's id begins with `_`. */
export const SERVER_LOG = '_server';

/** The registry, read to its end. */
export interface ReadRegistrations {
  readonly registrations: Registrations;
  /** Undefined when there is no such log. */
  readonly log: LogInspection | undefined;
  /** What its lines say that cannot be. */
  readonly findings: readonly Finding[];
}

/** How the registry is read. */
export interface ReadRegistrationsOptions {
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each line that was applied what the log amounts to up to it. */
  readonly onApplied?: (seq: number, registrations: Registrations) => void;
}

/**
 * Reads the registry.
 *
 * @param dataFolder the data folder, absolute
 * @param options who ends the reading, and who follows it
 * @returns the part of it that can be trusted
 */
export async function readRegistrations(
  disk: Disk, dataFolder: string, { signal, onApplied }: ReadRegistrationsOptions = {},
): Promise<ReadRegistrations> {
  const registrations = new Registrations();
  const findings: Finding[] = [];
  const apply = (line: LogLine): void => {
    try {
      const event = decodeEvent(line.op, line.body);
      if (!isServerEvent(event)) throw new TypeError(`"${line.op}" is no event of the server`);
      registrations.apply({ event, seq: line.seq, timeMs: line.timeMs, hash: line.hash, actor: line.actor });
      onApplied?.(line.seq, registrations);
    } catch (error) {
      findings.push({ file: `${SERVER_LOG}.jsonl`, offset: 0, seq: line.seq, expected: 'an event of the server', ...asUnreadable(error) });
    }
  };
  const take = (lines: readonly LogLine[]): void => lines.forEach(apply);
  const log = await inspectLog(disk, { folder: dataFolder, project: SERVER_LOG }, { take, ...(signal && { signal }) });
  return { registrations, log, findings: [...(log?.findings ?? []), ...findings] };
}
