/**
 * The command `replay`: shows what a project was at any point of its log, or the lines that made it so. Changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { NodeDisk } from '../disk/node-disk.js';
import { replayEvents } from '../offline/replay-events.js';
import { replayState } from '../offline/replay-state.js';
import { isProjectName } from '../offline/verify-folder.js';
import { findDataFolder, type FolderOptions, UsageError } from './data-folder.js';
import { parseMoment, parseSeq } from './parse-moment.js';
import { print, withScratchFolder } from './run-command.js';

/** What the command line says. */
export interface ReplayCommandOptions extends FolderOptions {
  readonly until?: string;
  readonly out?: string;
  readonly events?: boolean;
  readonly from?: string;
  readonly key?: string;
  readonly op?: string;
  readonly actor?: string;
}

/** Who may read what is written: as everything in a data folder. */
const FILE_MODE = 0o640;
/** Printed at once, so that many short lines are few writes. */
const OUTPUT_BYTES = 65_536;

/** Takes pieces of output, one after another. */
type Sink = (piece: Buffer) => Promise<void>;

/**
 * Replays the log of a project.
 *
 * @param project the project's id; `_server` with events only
 * @param options up to where, what is shown, and where it goes
 * @returns true when it is done
 * @throws {UsageError} when the options do not go together
 */
export async function replay(project: string, options: ReplayCommandOptions): Promise<boolean> {
  if (!isProjectName(project)) throw new UsageError(`Cannot replay "${project}": that is no project's id`);
  const until = options.until === undefined ? undefined : parseMoment(options.until);
  if (options.until !== undefined && until === undefined) {
    throw new UsageError(`Cannot replay until "${options.until}": expected a seq, or a time with its zone such as 2026-11-22T10:00:00Z`);
  }
  const fromSeq = options.from === undefined ? undefined : parseSeq(options.from);
  if (options.from !== undefined && fromSeq === undefined) throw new UsageError(`Cannot replay from "${options.from}": expected a seq`);
  const { key, op, actor } = options;
  const isFiltered = [options.from, key, op, actor].some((option) => option !== undefined);
  if (options.events !== true && isFiltered) throw new UsageError('Cannot pick lines without --events: a state is made of all of them');
  if (options.events !== true && project === '_server') throw new UsageError('Cannot show a state of "_server": add --events');
  const { dataFolder } = await findDataFolder(options);
  const disk = new NodeDisk();
  await withScratchFolder((scratchFolder, signal) => writeTo(options.out, async (sink) => {
    const common = { disk, dataFolder, project, until, scratchFolder, signal };
    if (options.events === true) {
      await inPieces(replayEvents({ ...common, fromSeq, filter: { key, op, actor } }), sink);
    } else {
      const state = await replayState(common);
      await inPieces(createReadStream(state.path), sink);
    }
  }));
  return true;
}

async function inPieces(pieces: AsyncIterable<Buffer>, sink: Sink): Promise<void> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  try {
    for await (const piece of pieces) {
      waiting.push(piece);
      waitingBytes += piece.length;
      if (waitingBytes < OUTPUT_BYTES) continue;
      await sink(Buffer.concat(waiting));
      waiting = [];
      waitingBytes = 0;
    }
  } finally {
    // What was sound before a fault is shown before the fault.
    if (waitingBytes > 0) await sink(Buffer.concat(waiting));
  }
}

/** Writes to a file that appears when it is whole, or to standard output. */
async function writeTo(out: string | undefined, work: (sink: Sink) => Promise<void>): Promise<void> {
  if (out === undefined) {
    await work(print);
    return;
  }
  const target = path.resolve(out);
  const temporary = `${target}.${randomUUID()}.tmp`;
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    try {
      await work(async (piece) => {
        await file.writeFile(piece);
      });
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
