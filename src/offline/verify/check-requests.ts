/**
 * Compares the requests that snapshots remember with the lines of the log. That one is missing is no fault: how many are remembered depends
 * on settings, and on how many other projects have. Whether a `set` created its key is not in its line, and is not compared; and a `clear`
 * may have counted keys that had expired, which its answer did not.
 */
import type { Finding } from '../../base/finding.js';
import type { Disk } from '../../disk/disk.js';
import type { ProjectEvent } from '../../events/event.js';
import { idempotencyKeyIn } from '../../events/idempotency.js';
import { keysChecksum } from '../../events/keys-checksum.js';
import type { LogLine } from '../../log/log.js';
import type { RememberedRequest } from '../../projections/requests/request-records.js';
import type { FilesOfProject } from '../../projections/snapshot/file-work.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest } from '../../projections/snapshot/snapshot-folder.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { openProjectLog, projectEventOf, snapshotsOf } from '../project-files.js';

/** What to compare. */
interface RequestsCheck {
  readonly disk: Disk;
  readonly files: FilesOfProject;
  /** Snapshots whose bytes are sound, in any order. */
  readonly sound: readonly CommittedManifest[];
  readonly signal?: AbortSignal | undefined;
}

/** Compares those requests whose lines the log still has. */
export async function checkRequests({ disk, files, sound, signal }: RequestsCheck): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const manifest of sound.filter(({ requests }) => requests !== null)) {
    try {
      const { firstSeq, files: log } = await openProjectLog(disk, files);
      const requests = snapshotsOf(disk, files).readRequests(manifest, { signal });
      const wrong = await findWrong(requests, firstSeq, (fromSeq) => (
        log.lines({ fromSeq, toSeq: manifest.seq, ...(signal && { signal }) })
      ));
      if (wrong !== undefined) findings.push({ file: `${files.project}/${snapshotName(manifest.seq, 'requests')}`, offset: 0, ...wrong });
    } catch (error) {
      // It was sound, so a running server has removed it.
      if (!(error instanceof SnapshotCorruptError)) throw error;
    }
  }
  return findings;
}

type Wrong = Pick<Finding, 'expected' | 'found'> & { readonly seq: number };

async function findWrong(
  requests: AsyncIterable<readonly RememberedRequest[]>, firstSeq: number, linesFrom: (seq: number) => AsyncIterable<readonly LogLine[]>,
): Promise<Wrong | undefined> {
  let lines: LineCursor | undefined;
  try {
    for await (const group of requests) {
      for (const request of group) {
        if (request.seq < firstSeq) continue;
        lines ??= new LineCursor(linesFrom(request.seq));
        const wrong = compare(request, await lines.at(request.seq));
        if (wrong !== undefined) return wrong;
      }
    }
    return undefined;
  } finally {
    await lines?.close();
  }
}

/** Lines of a log, read once, forwards. */
class LineCursor {
  readonly #groups: AsyncIterator<readonly LogLine[]>;
  #group: readonly LogLine[] = [];

  constructor(lines: AsyncIterable<readonly LogLine[]>) {
    this.#groups = lines[Symbol.asyncIterator]();
  }

  /** Returns the line of a seq above that of the call before; undefined if the log ends before it. */
  async at(seq: number): Promise<LogLine | undefined> {
    while ((this.#group.at(-1)?.seq ?? 0) < seq) {
      const next = await this.#groups.next();
      if (next.done === true) return undefined;
      this.#group = next.value;
    }
    return this.#group[seq - (this.#group[0]?.seq ?? 0)];
  }

  async close(): Promise<void> {
    await this.#groups.return?.();
  }
}

function compare(request: RememberedRequest, line: LogLine | undefined): Wrong | undefined {
  const event = line && projectEventOf(line);
  const said = line && event && textOf({
    key: idempotencyKeyIn(line.request) ?? '', actor: line.actor, op: line.op, seq: line.seq, timeMs: line.timeMs, hash: line.hash,
    checksum: keysChecksum(event) ?? 0, count: countIn(event, request),
  });
  const found = textOf(request);
  return said === found ? undefined : { seq: request.seq, expected: said ?? `a line of seq ${request.seq}`, found };
}

function countIn(event: ProjectEvent, { count }: RememberedRequest): number {
  if ('count' in event) return Math.min(event.count, count);
  return event.op === 'batch' ? event.ops.length : count;
}

function textOf({ key, actor, op, seq, timeMs, hash, checksum, count }: RememberedRequest): string {
  return `"${key}" of ${actor}: ${op}, seq ${seq}, hash ${hash}, time ${timeMs}, keys ${checksum}, count ${count}`;
}
