/**
 * Reads the registry, `_server.jsonl`, from its files.
 */
import type { Finding } from '../base/finding.js';
import type { Disk } from '../disk/disk.js';
import { decodeEvent } from '../events/codec.js';
import { isServerEvent, type Recorded, type ServerEvent } from '../events/event.js';
import { inspectLog, type LogInspection } from '../log/file/recovery/inspect-log.js';
import type { LogLine } from '../log/log.js';
import { Registrations } from '../projections/registrations.js';
import { asUnreadable } from './verify/findings.js';

/** Name of the registry. No project id begins with `_`. */
export const REGISTRY = '_server';

/** The registry, read to its end. */
export interface RegistryContent {
  /** The state after the last event that could be applied. */
  readonly registrations: Registrations;
  /** Undefined if there is no registry. */
  readonly log: LogInspection | undefined;
  /** Damage, and lines that are no events of the server. */
  readonly findings: readonly Finding[];
}

/** How to read the registry. */
interface ReadRegistryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each applied event with the state up to it. */
  readonly onApplied?: (recorded: Recorded<ServerEvent>, registrations: Registrations) => void;
}

/**
 * Reads the registry. Damage does not reject; it is among the findings.
 *
 * @param dataFolder the data folder, absolute
 */
export async function readRegistry(
  disk: Disk, dataFolder: string, { signal, onApplied }: ReadRegistryOptions = {},
): Promise<RegistryContent> {
  const registrations = new Registrations();
  const findings: Finding[] = [];
  const apply = (line: LogLine): void => {
    try {
      const event = decodeEvent(line.op, line.body);
      if (!isServerEvent(event)) throw new TypeError(`"${line.op}" is no event of the server`);
      const recorded = { event, seq: line.seq, timeMs: line.timeMs, hash: line.hash, actor: line.actor };
      registrations.apply(recorded);
      onApplied?.(recorded, registrations);
    } catch (error) {
      findings.push({ file: `${REGISTRY}.jsonl`, offset: 0, seq: line.seq, expected: 'an event of the server', ...asUnreadable(error) });
    }
  };
  const take = (lines: readonly LogLine[]): void => lines.forEach(apply);
  const log = await inspectLog(disk, dataFolder, REGISTRY, { take, ...(signal && { signal }) });
  return { registrations, log, findings: [...(log?.findings ?? []), ...findings] };
}
