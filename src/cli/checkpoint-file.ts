/**
 * Reads the file of checkpoints that `verify` compares with the logs. It may be a pipe, such as the output of `git show`.
 */
import { createReadStream } from 'node:fs';
import { CHECKPOINT } from '../api/schemas/events.js';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { compileSchema, type SchemaFault } from '../base/json-schema.js';
import { CheckpointSet } from '../offline/verify/checkpoints.js';
import { complain } from './command-output.js';
import { MissingDataError, UsageError } from './exit-codes.js';

/** No line of a checkpoint is longer. */
const LINE_CHARACTERS_MAX = 4096;
/** How every line begins that the server writes. */
const BEGINNING = '{"project":"';

const checkCheckpoint = compileSchema<Parameters<CheckpointSet['add']>[0]>(CHECKPOINT);

/**
 * Reads a file.
 *
 * @throws {UsageError} if a line is not a checkpoint, or there is none, as in a folder
 * @throws {MissingDataError} if there is no such file
 */
export async function readCheckpoints(file: string, signal: AbortSignal): Promise<CheckpointSet> {
  const set = new CheckpointSet();
  let [lineNumber, count, cutOff] = [0, 0, 0];
  for await (const line of linesOf(file, signal)) {
    lineNumber += 1;
    if (line.trim() === '') continue;
    if (isCutOff(line)) cutOff += 1;
    else {
      const checked = checkCheckpoint(parse(line));
      if (!checked.ok) throw noCheckpoint(file, lineNumber, checked.fault);
      set.add(checked.document, lineNumber);
      count += 1;
    }
  }
  if (cutOff > 0) complain(`ignored in "${file}": ${countText(cutOff, 'line')}, cut off by a crash or a full disk`);
  if (count > 0) return set;
  const source = '"GET …/checkpoint" answers one, and default.checkpoints in the configuration writes them';
  throw new UsageError(`Cannot verify with "${file}": it has no checkpoint. ${source}`);
}

/**
 * A checkpoint is one flat object, so a beginning of it has no closing bracket. The server begins a new line after one. A file system may
 * keep only the size of what was written last: then there are zeros.
 */
function isCutOff(line: string): boolean {
  const begun = line.replace(/\0+\s*$/, '');
  return line.length <= LINE_CHARACTERS_MAX && !line.includes('}') && (begun.startsWith(BEGINNING) || BEGINNING.startsWith(begun.trim()));
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return line;
  }
}

function noCheckpoint(file: string, lineNumber: number, { expected, kind, pointer }: SchemaFault): UsageError {
  const name = `"${pointer.slice(1)}"`;
  const ofMember = kind === 'missing' ? `it has no ${name}` : `${name} must be ${expected}`;
  const what = pointer === '' ? 'it must be a JSON object' : ofMember;
  return new UsageError(`Cannot verify with "${file}": line ${lineNumber} is not a checkpoint: ${what}. Correct or remove the line`);
}

async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  let rest = '';
  try {
    for await (const piece of createReadStream(file, { encoding: 'utf8', signal })) {
      const lines = (rest + String(piece)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      // Whatever it is, it is not a checkpoint: it is not read to its end.
      if (rest.length > LINE_CHARACTERS_MAX) break;
    }
  } catch (error) {
    if (isErrno(error, 'EISDIR')) throw new UsageError(`Cannot verify with "${file}": it is a folder. Name the file of checkpoints in it`);
    if (!isErrno(error, 'ENOENT')) throw error;
    throw new MissingDataError(`Cannot find the checkpoints "${file}": there is no such file. Is its volume mounted?`, { cause: error });
  }
  if (rest !== '') yield rest;
}
