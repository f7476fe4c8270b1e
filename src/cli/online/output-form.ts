/**
 * The forms in which commands print what they found: text for people, one JSON document, or one JSON object a line.
 */
import type { CommandOutput } from '../command-output.js';
import { UsageError } from '../exit-codes.js';
import { arrayPieces, printPieces } from '../print-pieces.js';
import { tableText } from './table.js';

/** The options. */
export interface FormOptions {
  readonly json?: boolean;
  readonly jsonl?: boolean;
}

/** One of the forms. */
export type OutputForm = 'text' | 'json' | 'jsonl';

/** The form that the options ask for. Where they are parsed, both together are refused. */
export function formOf({ json = false, jsonl = false }: FormOptions): OutputForm {
  return json ? 'json' : jsonl ? 'jsonl' : 'text';
}

/**
 * Refuses one document of what has no end.
 *
 * @param what the command, such as `watch`
 * @throws {UsageError} if it is asked for
 */
export function refuseDocument({ json }: FormOptions, what: string): void {
  if (json === true) throw new UsageError(`Cannot use --json with ${what}, which has no end: use --jsonl, for one JSON object a line`);
}

/** Prints one object as JSON, or what `text` makes of it. */
export async function printObject(output: CommandOutput, options: FormOptions, { object, text }: {
  readonly object: unknown;
  /** With the final line feed. */
  readonly text: () => string;
}): Promise<void> {
  await output.print(formOf(options) === 'text' ? text() : `${JSON.stringify(object)}\n`);
}

/** A list: what it is in JSON, and as a table. */
interface PrintedList {
  /** The JSON document for `--json`. */
  readonly document: unknown;
  /** The objects for `--jsonl`. */
  readonly items: readonly unknown[];
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Prints a list: a table on a terminal, elsewhere fields between tabs. */
export async function printList(output: CommandOutput, options: FormOptions, list: PrintedList): Promise<void> {
  const form = formOf(options);
  if (form === 'json') return await output.print(`${JSON.stringify(list.document)}\n`);
  if (form === 'jsonl') return await output.print(list.items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  await output.print(tableText(list.heading, list.rows, process.stdout.isTTY));
}

/** Prints JSON texts as one array, or one a line. */
export async function printTexts(
  output: CommandOutput, form: Exclude<OutputForm, 'text'>, groups: AsyncIterable<readonly string[]>,
): Promise<void> {
  await printPieces(form === 'json' ? arrayPieces(groups) : linesOf(groups), output);
}

async function* linesOf(groups: AsyncIterable<readonly string[]>): AsyncGenerator<Buffer> {
  for await (const texts of groups) yield Buffer.from(texts.map((text) => `${text}\n`).join(''));
}
