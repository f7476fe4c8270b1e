/**
 * The command `receipt`: finds the line of a log that a receipt was given for, and says where it is. Changes nothing.
 */
import { findKnownProjects } from '../offline/folder-projects.js';
import { findReceipt, type ReceiptLine } from '../offline/receipt/find-receipt.js';
import { REGISTRY } from '../offline/registry.js';
import { complain } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { type FormOptions, printObject } from './online/output-form.js';
import { createProgress } from './progress.js';
import type { FolderOptions, RunContext } from './run-command.js';

/** Options of the command line. */
export interface ReceiptCommandOptions extends FolderOptions, FormOptions {}

/** What the command is asked for. */
interface ReceiptQuery {
  readonly receipt: string;
  /** The project's id, or `_server`; undefined: all logs. */
  readonly project: string | undefined;
}

const RECEIPT_FORM = /^[0-9a-f]{64}$/;

/**
 * Finds the line of a receipt.
 *
 * @returns false if no log has it
 * @throws {UsageError} when the text is no receipt, or the project does not exist
 */
export async function findLineOfReceipt(
  { receipt, project }: ReceiptQuery, options: ReceiptCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  const hash = receipt.toLowerCase();
  if (!RECEIPT_FORM.test(hash)) throw new UsageError(`Cannot search for "${receipt}": a receipt has 64 hexadecimal digits`);
  const words = ['receipt', hash, ...(project === undefined ? [] : [project])];
  const { dataFolder, disk } = await findData({ command: 'receipt', project, words }, options, signal);
  const known = await findKnownProjects(disk, dataFolder, signal);
  const projects = project === undefined ? [...known.ids, ...(known.hasRegistry ? [REGISTRY] : [])] : [project];
  const progress = await createProgress(process.stderr);
  const search = { disk, dataFolder, projects, olderOf: project, signal, onProgress: progress.show };
  const { line, faults } = await findReceipt(hash, search).finally(progress.clear);
  for (const fault of faults) complain(fault);
  await printObject(output, options, { object: documentOf(line), text: () => (line === undefined ? '' : textOf(line)) });
  if (line === undefined) complain(missingText(project, dataFolder, faults.length > 0));
  return line !== undefined;
}

function missingText(project: string | undefined, dataFolder: string, hasFaults: boolean): string {
  const where = project === undefined ? `No log in "${dataFolder}"` : `No log of "${project}" in "${dataFolder}"`;
  const reasons = 'Retention may have removed it, or it was given for another log';
  const unsearched = 'but not all of them could be searched; "simplekv verify" names all damage';
  return `${where} has a line with this receipt${hasFaults ? `, ${unsearched}` : `. ${reasons}`}`;
}

function textOf({ project, seq, timeMs, op, actor, request, file, offset }: ReceiptLine): string {
  const facts = [
    ['project', project], ['seq', String(seq)], ['time', new Date(timeMs).toISOString()], ['op', op], ['actor', actor],
    ['request', request], ['file', file], ['offset', String(offset)],
  ] as const;
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, fact]) => `${name.padEnd(width)}  ${fact}\n`).join('');
}

function documentOf(line: ReceiptLine | undefined): object {
  if (line === undefined) return { found: false };
  const { project, logId, seq, timeMs, op, actor, request, file, offset, sizeBytes } = line;
  const time = new Date(timeMs).toISOString();
  return { found: true, project, log_id: logId, seq, time, op, actor, request, file, offset, bytes: sizeBytes };
}
