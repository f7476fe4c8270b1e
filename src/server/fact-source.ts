/**
 * What the metrics show of the moment: reads it from the parts of the server that know it.
 */
import type { HttpServer } from '../http/http-server.js';
import type { Pipeline } from '../http/pipeline.js';
import type { FactSource, ProjectMeasures, ProjectTotals, ServerFacts } from '../metrics/metric-facts.js';
import { describeProject } from '../projects/project-details.js';
import type { ProjectManager } from '../projects/project-manager.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectTable } from '../store/project-table.js';

/** The space on the disk of the data folder. */
interface DiskSpace {
  /** Undefined if the disk does not report it. */
  readonly freeBytes: number | undefined;
  /** Size of the largest write that is allowed now; negative if none is. */
  readonly largestBytes: number;
}

/** Where facts are read. */
interface FactParts {
  readonly build: ServerFacts['build'];
  /** Resident memory of the process; absent if it is not known. */
  readonly residentBytes?: (() => number) | undefined;
  readonly table: ProjectTable;
  readonly manager: ProjectManager;
  readonly space: DiskSpace;
  readonly http: HttpServer;
  readonly pipeline: Pipeline;
}

/** Returns the source of the facts. */
export function factSource(parts: FactParts): FactSource {
  const { build, http, manager, pipeline, residentBytes, space, table } = parts;
  return {
    server: () => ({
      build, isReady: manager.canWrite, diskFreeBytes: space.freeBytes, isDiskLow: space.largestBytes <= 0,
      connections: http.connectionCount, streams: { ...pipeline.streamCounts }, residentBytes: residentBytes?.(),
    }),
    refresh: () => manager.refresh(),
    projectIds: () => table.ids(),
    project: (id) => factsOf(table, id),
    totals: () => totalsOf(table),
  };
}

function factsOf(table: ProjectTable, id: string): ProjectMeasures | undefined {
  const found = table.get(id);
  if (found === undefined) return undefined;
  const { state, seq, key_count: keyCount, value_bytes: valueBytes } = describeProject(found);
  const contents = { id, state, seq, keyCount, valueBytes };
  if (found.kind === 'refused') {
    return { ...contents, logFiles: 0, logFileBytes: 0, snapshot: undefined, queueCommands: 0, queueBytes: 0, quotas: [] };
  }
  const { store } = found;
  const { count: logFiles, sizeBytes: logFileBytes } = store.load.logFiles();
  const { queueCommands, queueBytes } = store.load;
  return { ...contents, logFiles, logFileBytes, snapshot: store.snapshot ?? undefined, queueCommands, queueBytes, quotas: quotasOf(store) };
}

/** A quota of nothing is used up by nothing. */
function quotasOf({ settings: { quota }, values }: ProjectStore): ProjectMeasures['quotas'] {
  const shares: ProjectMeasures['quotas'][number][] = [];
  const { max_keys: keysMax, max_bytes: bytesMax } = quota;
  if (keysMax !== null) shares.push({ quota: 'max_keys', usedRatio: keysMax === 0 ? 1 : values.count / keysMax });
  if (bytesMax !== null) shares.push({ quota: 'max_bytes', usedRatio: bytesMax === 0 ? 1 : values.contentBytes / bytesMax });
  return shares;
}

function totalsOf(table: ProjectTable): ProjectTotals {
  const totals = { keyCount: 0, valueBytes: 0, queueCommands: 0 };
  for (const { values, load } of table.stores()) {
    totals.keyCount += values.count;
    totals.valueBytes += values.valueBytes;
    totals.queueCommands += load.queueCommands;
  }
  return totals;
}
