/**
 * `get` and `list` as questions to a server. What they print is what they print of files.
 */
import { programCommand } from '../../base/program-command.js';
import type { ListedEntry } from '../../client/entries.js';
import type { KeyReader } from '../../client/key-reader.js';
import { type Moment, momentText } from '../../offline/replay/moment.js';
import { complain } from '../command-output.js';
import { entryDocument } from '../entry-document.js';
import { positionOf } from '../event-range.js';
import { UsageError } from '../exit-codes.js';
import { keyField, printPieces } from '../print-pieces.js';
import { shownText } from '../printable.js';
import type { Remote, RemoteProject } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { parseCount } from './duration.js';
import { type RemoteOptions, serverWords } from './find-server.js';
import { type FormOptions, formOf, printTexts } from './output-form.js';
import { factsText } from './table.js';

/** How a value is read. */
export interface RemoteGetOptions extends FormOptions, RemoteOptions {
  readonly raw?: boolean;
  readonly meta?: boolean;
}

/** How keys are listed. */
export interface RemoteListOptions extends FormOptions {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
  readonly reverse?: boolean;
  readonly limit?: string;
  readonly values?: boolean;
  readonly count?: boolean;
}

/** What is asked. */
interface Question {
  readonly remote: Remote;
  readonly place: RemoteProject;
  /** Undefined: now. */
  readonly at: Moment | undefined;
}

const PAGE_MAX = 1000;

/** The reader of a moment. */
function readerAt({ kv }: RemoteProject, at: Moment | undefined): KeyReader {
  return at === undefined ? kv : kv.at(positionOf(at));
}

/**
 * Prints a value.
 *
 * @returns false if the key does not exist
 * @throws {RemoteError} when the server refuses
 */
export async function getRemoteValue(
  { remote, place, at }: Question, key: string, options: RemoteGetOptions & { readonly context: RunContext },
): Promise<boolean> {
  const { raw, meta, context: { output, signal } } = options;
  const reader = readerAt(place, at);
  if (formOf(options) !== 'text') {
    // The times of a listing are exact to the millisecond, as those of files are.
    const entry = await remote.asking(signal, async () => (await reader.entries({ start: key, pageSize: 1, signal }).next()).value);
    if (entry === undefined || entry.key !== key) return noteAbsent(place, key, { at, options });
    const document = documentOf(entry);
    await output.print(`${meta === true ? withoutValue(document, entry.text) : document}\n`);
    return true;
  }
  const entry = await remote.asking(signal, () => reader.getEntry(key, { signal }));
  if (entry === undefined) return noteAbsent(place, key, { at, options });
  const { text, seq, etag, modifiedAt, expiresAt } = entry;
  if (meta === true) {
    await output.print(factsText([
      ['key', key], ['seq', String(seq)], ['etag', etag], ['modified', modifiedAt.toISOString()],
      ['expires', expiresAt?.toISOString() ?? 'never'], ['bytes', String(Buffer.byteLength(text))],
    ]));
    return true;
  }
  await output.print(`${shownText(text)}${raw === true ? '' : '\n'}`);
  return true;
}

function noteAbsent(
  { id }: RemoteProject, key: string, { at, options }: { readonly at: Moment | undefined; readonly options: RemoteOptions },
): false {
  const when = at === undefined ? '' : ` at ${momentText(at)}`;
  const history = programCommand(['history', key, '--project', id, ...serverWords(options)]);
  complain(`"${id}" has no key ${JSON.stringify(key)}${when}. Its history: ${history}`);
  return false;
}

function documentOf({ key, seq, modifiedAt, expiresAt, text: value }: ListedEntry): string {
  return entryDocument({ key, seq, timeMs: modifiedAt.getTime(), expiresAtMs: expiresAt?.getTime() ?? null, value });
}

/** The value stands last. */
function withoutValue(document: string, value: string): string {
  return `${document.slice(0, -(value.length + ',"value":}'.length))}}`;
}

/**
 * Prints keys, one a line, or with their values.
 *
 * @returns true, also if there are none
 * @throws {UsageError} when the options contradict each other
 * @throws {RemoteError} when the server refuses
 */
export async function printRemoteKeys(
  { remote, place, at }: Question, options: RemoteListOptions & { readonly context: RunContext },
): Promise<boolean> {
  const { prefix, start, end, reverse, values, count, context: { output, signal } } = options;
  const form = formOf(options);
  const limit = options.limit === undefined ? Infinity : parseCount(options.limit, '--limit', 1);
  const reader = readerAt(place, at);
  if (count === true) {
    checkCountOptions(options);
    const found = await remote.asking(signal, () => reader.count({ prefix, start, end, signal }));
    await output.print(form === 'text' ? `${found}\n` : `{"count":${found}}\n`);
    return true;
  }
  const range = { prefix, start, end, reverse, signal, pageSize: Math.min(limit, PAGE_MAX) };
  await remote.asking(signal, async () => {
    if (form !== 'text') return await printTexts(output, form, ones(reader.entries(range), limit, documentOf));
    const lines = values === true
      ? ones(reader.entries(range), limit, ({ key, text }) => `${keyField(key)}\t${shownText(text)}\n`)
      : ones(reader.keys(range), limit, (key) => `${keyField(key)}\n`);
    await printPieces(bytesOf(lines), output);
  });
  return true;
}

/**
 * Refuses options that a count does not take.
 *
 * @throws {UsageError} for the first one
 */
export function checkCountOptions({ limit, reverse, values }: Pick<RemoteListOptions, 'limit' | 'reverse' | 'values'>): void {
  const other = limit !== undefined ? '--limit' : reverse === true ? '--reverse' : values === true ? '--values' : undefined;
  if (other !== undefined) throw new UsageError(`Cannot use --count with ${other}`);
}

async function* ones<T>(items: AsyncIterable<T>, limit: number, textOf: (item: T) => string): AsyncGenerator<readonly [string]> {
  let left = limit;
  for await (const item of items) {
    yield [textOf(item)];
    left -= 1;
    if (left <= 0) return;
  }
}

async function* bytesOf(groups: AsyncIterable<readonly [string]>): AsyncGenerator<Buffer> {
  for await (const [text] of groups) yield Buffer.from(text);
}
