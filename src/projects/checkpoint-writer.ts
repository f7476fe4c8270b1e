/**
 * Appends checkpoints to a file of the operator's choice: one line for each project on disk whose log has grown since its last one. A
 * project in memory has no log that could be verified later.
 *
 * The file is evidence, not data: whatever is wrong with it is logged and tried again in the next round, and no write waits for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectTable } from '../store/project-table.js';

/** The file. */
interface CheckpointFile {
  /** Absolute path, for messages. */
  readonly path: string;
  /** Appends lines and makes them durable. */
  append(lines: string): Promise<void>;
  /** Reads lines from the last one to the first, perhaps not all of them. */
  linesFromEnd(): AsyncIterable<string>;
}

/** Parts of a {@link CheckpointWriter}. */
interface CheckpointParts {
  readonly table: Pick<ProjectTable, 'list'>;
  readonly file: CheckpointFile;
  /** Wait between two rounds, in milliseconds. */
  readonly intervalMs: number;
  readonly logger: Logger;
  /** Waits; rejects when the signal is aborted. @default a timer that does not keep the process alive */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** The last line that is in the file for each project. */
type WrittenLines = ReadonlyMap<string, string>;

/** Appends checkpoints. */
export class CheckpointWriter {
  readonly #parts: CheckpointParts;
  readonly #wait: NonNullable<CheckpointParts['wait']>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** Undefined if it has to be read from the file: at first, and after a failure, which may have written some of the lines. */
  #written: WrittenLines | undefined;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    this.#wait = parts.wait ?? ((ms, signal) => sleep(ms, undefined, { signal, ref: false }));
  }

  /** Begins, once the projects are served: with a round now, and then one after each interval. */
  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { intervalMs } = this.#parts;
    const { signal } = this.#stopping;
    do await this.#round();
    while (await this.#wait(intervalMs, signal).then(() => true, () => false));
  }

  /**
   * Ends with a last round, before the logs are closed.
   *
   * @param limitMs time for it, in milliseconds: a file that hangs must not keep the logs from being closed
   */
  async close(limitMs: number): Promise<void> {
    if (this.#running === undefined) return;
    this.#stopping.abort();
    const done = this.#running.then(() => this.#round());
    const isLate = await Promise.race([done, sleep(limitMs, true, { ref: false })]);
    const { file, logger } = this.#parts;
    if (isLate !== true) return;
    logger.warn({ file: file.path }, 'the last checkpoints were not written in time; the next start writes newer ones');
  }

  async #round(): Promise<void> {
    const { file, logger } = this.#parts;
    try {
      await this.#append();
    } catch (error) {
      this.#written = undefined;
      logger.warn({ file: file.path, err: error }, 'checkpoints could not be appended to their file; the next round tries again');
    }
  }

  async #append(): Promise<void> {
    const { file, table } = this.#parts;
    const stores = table.list().flatMap((project) => (project.kind === 'served' && project.store.isOnDisk ? [project.store] : []));
    const lines = new Map<string, string>();
    for (const store of stores) {
      const line = await this.#lineOf(store);
      if (line !== undefined) lines.set(store.id, line);
    }
    const written = this.#written ?? (await findWritten(file, lines));
    const due = [...lines].filter(([id, line]) => written.get(id) !== line);
    if (due.length > 0) await file.append(due.map(([, line]) => `${line}\n`).join(''));
    this.#written = new Map([...written, ...lines]);
  }

  async #lineOf(store: ProjectStore): Promise<string | undefined> {
    const message = 'no checkpoint of a project could be made, because its log could not be synced; the next round tries again';
    const checkpoint = await store.checkpoint().catch(logFailure(this.#parts.logger, 'warn', { project: store.id }, message));
    return checkpoint && JSON.stringify(checkpoint);
  }
}

/** Finds those of the lines that are in a file already: a start must not repeat the checkpoint of a log that has not grown. */
async function findWritten(file: CheckpointFile, lines: ReadonlyMap<string, string>): Promise<WrittenLines> {
  const sought = new Map([...lines].map(([id, line]) => [line, id]));
  const found = new Map<string, string>();
  if (sought.size === 0) return found;
  for await (const line of file.linesFromEnd()) {
    const id = sought.get(line);
    if (id !== undefined) found.set(id, line);
    if (found.size === sought.size) break;
  }
  return found;
}
