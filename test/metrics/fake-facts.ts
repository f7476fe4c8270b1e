/** Facts that a test sets. */
import type { FactSource, ProjectMeasures, ProjectTotals, ServerFacts } from '../../src/metrics/metric-facts.js';

/** A project of which not more is known. */
interface KnownProject extends Pick<ProjectMeasures, 'id' | 'state' | 'seq'> {
  readonly key_count: number;
  readonly value_bytes: number;
}

const BUILD = { version: '1.2.3-test', node: '20.0.0', format: 'simplekv/2' };

/** Facts about projects in memory. */
export class FakeFacts implements FactSource {
  /** Added to the facts of each project. */
  added: Partial<ProjectMeasures> = {};
  facts: ServerFacts = {
    build: BUILD, isReady: true, diskFreeBytes: 1000, isDiskLow: false, connections: 1, streams: { sse: 0 }, residentBytes: 5000,
  };
  readonly #list: () => readonly KnownProject[];

  constructor(list: () => readonly KnownProject[]) {
    this.#list = list;
  }

  server(): ServerFacts {
    return this.facts;
  }

  async refresh(): Promise<void> {
    await Promise.resolve();
  }

  projectIds(): readonly string[] {
    return this.#list().map(({ id }) => id).sort();
  }

  project(id: string): ProjectMeasures | undefined {
    const found = this.#list().find((project) => project.id === id);
    if (found === undefined) return undefined;
    const { state, seq, key_count: keyCount, value_bytes: valueBytes } = found;
    const empty = { logFiles: 1, logFileBytes: 100, snapshot: undefined, queueCommands: 0, queueBytes: 0, quotas: [] };
    return { id, state, seq, keyCount, valueBytes, ...empty, ...this.added };
  }

  totals(): ProjectTotals {
    const totals = { keyCount: 0, valueBytes: 0, queueCommands: 0 };
    for (const { key_count: keyCount, value_bytes: valueBytes } of this.#list()) {
      totals.keyCount += keyCount;
      totals.valueBytes += valueBytes;
    }
    return totals;
  }
}
