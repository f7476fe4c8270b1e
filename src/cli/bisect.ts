/**
 * The command `bisect`: finds the first line of a log after which a key has a value, exists, or does not. Changes nothing.
 */
import { programCommand } from '../base/program-command.js';
import { bisectKey, type BisectedKey } from '../offline/replay/bisect-key.js';
import { lineTexts } from '../offline/replay/replay-events.js';
import { REGISTRY } from '../offline/registry.js';
import { complain } from './command-output.js';
import { eventText } from './event-text.js';
import { UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { hasSameJson } from './json-equality.js';
import { optionWords, withOlderHistory } from './older-history.js';
import { type FormOptions, formOf } from './online/output-form.js';
import { printPieces } from './print-pieces.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { withScratchFolder } from './scratch-folder.js';
import { folderWords } from './verdict.js';

/** Options of the command line. */
export interface BisectCommandOptions extends FolderOptions, FormOptions {
  readonly key: string;
  readonly equals?: string;
  readonly absent?: boolean;
  readonly present?: boolean;
}

/** What is to hold, and in words. */
interface Condition {
  readonly holds: (value: string | null | undefined) => boolean;
  readonly text: string;
}

/**
 * Prints the first line after which the condition holds that did not hold before.
 *
 * @returns false if there is none
 * @throws {UsageError} when the options contradict each other, or the project does not exist
 */
export async function bisect(project: string, options: BisectCommandOptions, { output, signal }: RunContext): Promise<boolean> {
  if (project === REGISTRY) throw new UsageError(`Cannot search "${REGISTRY}" for a key: it has no keys`);
  const { key } = options;
  const { holds, text } = conditionOf(options);
  const { dataFolder, disk } = await findData({ command: 'bisect', project }, options, signal);
  const source = { disk, dataFolder, project, signal };
  const words = ['bisect', project, ...optionWords(options, ['key', 'equals', 'absent', 'present', 'json', 'jsonl'])];
  let found: BisectedKey;
  try {
    found = await bisectKey({ ...source, key, holds });
  } catch (error) {
    throw await withOlderHistory(error, { disk, dataFolder, project, words, wanted: undefined });
  }
  const { line, fromSeq, heldAtStart, hasExpired } = found;
  if (fromSeq > 0) complain(`the search begins with the state at seq ${fromSeq}, the oldest that is kept`);
  if (line === undefined) {
    const history = programCommand(['log', project, '--key', key, ...folderWords(options)]);
    const name = JSON.stringify(key);
    const answer = heldAtStart && fromSeq > 0
      ? `in "${project}", ${name} ${text} since seq ${fromSeq} or longer`
      : `there is no line in "${project}" from which on ${name} ${text}`;
    complain(`${answer}. Its history: ${history}`);
    return false;
  }
  if (hasExpired) complain('the key had expired by this line, which does not concern it otherwise');
  if (formOf(options) !== 'text') {
    await withScratchFolder(async (scratchFolder) => await printPieces(lineTexts(source, scratchFolder, [line.place]), output));
  } else {
    await output.print(eventText(line, process.stdout.isTTY && process.stdout.hasColors()));
  }
  return true;
}

function conditionOf({ equals, absent, present }: BisectCommandOptions): Condition {
  if ([equals !== undefined, absent === true, present === true].filter(Boolean).length !== 1) {
    throw new UsageError('Cannot tell what to search for: give one of --equals, --absent and --present');
  }
  if (absent === true) return { holds: (value) => value === undefined, text: 'is absent' };
  if (equals === undefined) return { holds: (value) => value !== undefined, text: 'is present' };
  try {
    hasSameJson(equals, equals);
  } catch {
    throw new UsageError(`Cannot search for ${equals}: it is not JSON. A text needs its quotation marks: --equals '"text"'`);
  }
  return { holds: (value) => typeof value === 'string' && hasSameJson(value, equals), text: `has the value ${equals}` };
}
