/**
 * Reads a value for `set` and `edit`: from the command line, a file or standard input, and says where it is no JSON before anything is
 * sent.
 */
import { constants, isUtf8 } from 'node:buffer';
import { isErrno } from '../../base/app-error.js';
import { findJsonFault } from '../../base/json-fault.js';
import { readLimited } from '../../base/read-limited.js';
import { UsageError } from '../exit-codes.js';
import { InputError } from '../input-error.js';

/** Where the value is. */
interface GivenValue {
  /** JSON on the command line, or `-` for standard input. */
  readonly given: string | undefined;
  readonly file: string | undefined;
  /** The input is a text, and the value that text as a JSON string. */
  readonly string: boolean | undefined;
}

/**
 * Reads a value.
 *
 * @returns its JSON
 * @throws {UsageError} when it is named twice or not at all, or cannot be read
 * @throws {InputError} when it is no JSON
 */
export async function readGivenValue({ given, file, string }: GivenValue): Promise<string> {
  if (given !== undefined && file !== undefined) throw new UsageError('Use either a value on the command line, or --file');
  if (given === undefined && file === undefined) {
    throw new UsageError('Cannot set a key without a value: give JSON, - for standard input, or --file FILE');
  }
  const bytes = given === undefined || given === '-' ? await readInput(file ?? '-') : Buffer.from(given);
  if (!isUtf8(bytes)) throw new InputError('Cannot use the value: it is not UTF-8');
  const text = bytes.toString();
  if (string === true) return JSON.stringify(text);
  const fault = jsonFaultText(text);
  if (fault === undefined) return text;
  const advice = given === undefined || given === '-' ? '' : `. For a text, add --string, or write '${JSON.stringify(given)}'`;
  throw new InputError(`Cannot use the value: ${fault}${advice}`);
}

/**
 * Reads a file, or standard input.
 *
 * @param file `-` for standard input
 * @throws {UsageError} when it cannot be read
 * @throws {InputError} when it is too long for any server
 */
export async function readInput(file: string): Promise<Buffer> {
  try {
    const bytes = await readLimited(file === '-' ? process.stdin : file, constants.MAX_STRING_LENGTH);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new UsageError(`Cannot read "${file}": ${error.message}. Use - for standard input`);
  }
  throw new InputError(`Cannot use "${file}": it has more than ${constants.MAX_STRING_LENGTH} bytes`);
}

/**
 * Where a text is no JSON.
 *
 * @returns undefined if it is JSON
 */
export function jsonFaultText(text: string): string | undefined {
  const fault = findJsonFault(Buffer.from(text));
  return fault && `it is not JSON: line ${fault.line}, column ${fault.column}: expected ${fault.expected}`;
}
