/**
 * The command `batch`: sends a file of operations, which take effect together or not at all.
 */
import { countText } from '../../base/count-text.js';
import type { BatchReceiptJson } from '../../api/types.js';
import { isUtf8 } from 'node:buffer';
import { jsonOf } from '../../client/http.js';
import { InputError } from '../input-error.js';
import { Remote, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { type FormOptions, printObject } from './output-form.js';
import { jsonFaultText, readInput } from './read-value.js';

/** Options of the command line. */
export interface BatchCommandOptions extends RemoteOptions, FormOptions {}

const ARRAY = /^\s*\[/;

/**
 * Sends a batch and prints the receipt.
 *
 * @param file `-` for standard input; has `{"ops":[…]}`, or only the array
 * @returns true
 * @throws {InputError} when the file is no JSON
 * @throws {RemoteError} when the server refuses, or a condition does not hold: then nothing was changed
 */
export async function sendBatch(file: string, options: BatchCommandOptions, context: RunContext): Promise<boolean> {
  const { signal, output } = context;
  const remote = await Remote.need('send a batch', options);
  const bytes = await readInput(file);
  if (!isUtf8(bytes)) throw new InputError('Cannot send the batch: it is not UTF-8');
  const text = bytes.toString();
  const fault = jsonFaultText(text);
  if (fault !== undefined) throw new InputError(`Cannot send the batch: ${fault}`);
  // Values go to the server as they stand in the file, token for token.
  const body = ARRAY.test(text) ? `{"ops":${text}}` : text;
  const { path } = await remote.project(options.project, signal);
  const answer = await remote.change(`${path}/batch`, { body, signal });
  const receipt = jsonOf<BatchReceiptJson>(answer);
  await printObject(output, options, {
    object: receipt,
    text: () => textOf(receipt),
  });
  return true;
}

function textOf({ seq, hash, results }: BatchReceiptJson): string {
  if (hash === undefined) return `nothing was changed; the newest change is seq ${seq}\n`;
  const what = results === undefined ? 'the operations' : countText(results.length, 'operation');
  return `${what} took effect, seq ${seq}, receipt ${hash}\n`;
}
