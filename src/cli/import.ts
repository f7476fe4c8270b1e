/**
 * The command `import`: sets the keys of a file, one JSON object a line, in a project of a running server, a batch at a time. What was
 * interrupted is continued from a line.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { splitWords } from './command-words.js';
import { EXIT_CODES, UsageError } from './exit-codes.js';
import { type ImportedEntry, ImportLineError, operationOf, readEntryLine } from './import-line.js';
import { linesOf } from './lines-of.js';
import { type FormOptions, printObject } from './online/output-form.js';
import { createProgress } from './progress.js';
import { Remote, type RemoteOptions } from './remote.js';
import { RemoteError } from './remote-error.js';
import type { RunContext } from './run-command.js';

/** Options of the command line. */
export interface ImportCommandOptions extends RemoteOptions, FormOptions {
  readonly ifAbsent?: boolean;
  readonly fromLine?: string;
  readonly dryRun?: boolean;
}

/** The limits of a batch that a server has by default. A server with lower ones gets smaller batches. */
const BATCH_OPS_MAX = 1000;
const BATCH_BYTES_MAX = 4_194_304;
const BATCH_FRAME = { open: '{"ops":[', close: ']}' } as const;
/** Codes of a batch that was too large. */
const TOO_LARGE: readonly (string | undefined)[] = ['too_many_ops', 'body_too_large', 'line_too_large'];
/** Codes of a batch of which one operation can never be carried out. Such a problem has its index. */
const UNFIT: readonly (string | undefined)[] = ['invalid_batch', 'body_too_large'];
/** A line is a value of 16 MiB and a key at most; a longer one is none. */
const LINE_BYTES_MAX = 20_971_520;
const CARRIAGE_RETURN = 0x0d;
/** Waits before a batch is sent again that a server could not take, in milliseconds. */
const PAUSES_MS = [500, 1000, 2000, 4000, 8000] as const;

/** A line of the input cannot be imported. */
class LineError extends RemoteError {
  override readonly name = 'LineError';

  constructor(line: number, reason: string) {
    super(`Cannot import line ${line}: ${reason}`, EXIT_CODES.badInput);
  }
}

interface NumberedEntry extends ImportedEntry {
  readonly line: number;
  /** Of its line, in bytes. */
  readonly sizeBytes: number;
}

/** What has been done. */
interface Counts {
  imported: number;
  /** Left as they are, with `--if-absent`. */
  existing: number;
  expired: number;
  batches: number;
  /** The last line that is done, or needs nothing. */
  doneLine: number;
}

/**
 * Imports entries.
 *
 * @param words the project, unless it is named otherwise, and the file; `-` for standard input
 * @returns true
 * @throws {LineError} for a line that is no entry; the lines before it are imported
 * @throws {RemoteError} if the server refuses a batch or cannot be reached
 */
export async function importEntries(
  words: readonly string[], options: ImportCommandOptions, { output, signal }: RunContext,
): Promise<boolean> {
  const { project: named, words: [file = '-'] } = splitWords(words, ['file'], options);
  const firstLine = firstLineOf(options);
  // A dry run sends nothing, wherever it could.
  const remote = options.dryRun === true ? undefined : await Remote.find(options);
  if (remote === undefined && options.dryRun !== true) {
    throw new UsageError('Cannot import into files: name the running server with --url, or check the input alone with --dry-run');
  }
  const place = await remote?.project(named, signal);
  const project = place?.id ?? named ?? file;
  const progress = await createProgress(process.stderr);
  const counts: Counts = { imported: 0, existing: 0, expired: 0, batches: 0, doneLine: firstLine - 1 };
  const size = file === '-' ? undefined : await sizeOf(file);
  const importer = new Importer(place?.path ?? '', remote, counts, { isIfAbsent: options.ifAbsent === true, signal });
  try {
    let doneBytes = 0;
    for await (const { line, bytes } of linesIn(file)) {
      doneBytes += bytes.length + 1;
      if (line >= firstLine && !isBlank(bytes)) await importer.take(line, bytes);
      if (size !== undefined && size > 0) progress.show(project, Math.min(doneBytes, size), size);
    }
    await importer.flush();
  } catch (error) {
    progress.clear();
    throw options.dryRun === true ? error : withNextLine(error, counts);
  } finally {
    progress.clear();
  }
  const { doneLine, ...numbers } = counts;
  const facts = { project, ...numbers, next_line: doneLine + 1, dry_run: options.dryRun === true };
  await printObject(output, options, { object: facts, text: () => textOf(project, counts, facts.dry_run) });
  return true;
}

function textOf(project: string, { imported, existing, expired, batches }: Counts, isDryRun: boolean): string {
  const left = [
    ...(existing === 0 ? [] : [`already there: ${existing}`]),
    ...(expired === 0 ? [] : [`expired: ${expired}`]),
  ];
  const what = isDryRun ? `${countText(imported, 'key')} would be imported` : `${countText(imported, 'key')} imported, batches: ${batches}`;
  return `${project}: ${[what, ...left].join('; ')}\n`;
}

function firstLineOf({ fromLine = '1' }: ImportCommandOptions): number {
  if (/^[1-9]\d{0,14}$/.test(fromLine)) return Number(fromLine);
  throw new UsageError(`Cannot begin with line "${fromLine}": expected a number from 1 on`);
}

function withNextLine(error: unknown, { doneLine }: Counts): unknown {
  if (!(error instanceof RemoteError)) return error;
  const done = doneLine === 0
    ? 'No line is known to be imported: begin again'
    : `Every line up to ${doneLine} is imported: continue with --from-line ${doneLine + 1}`;
  const message = `${error.message}. ${done}`;
  return new RemoteError(message, error.exitCode, { cause: error, code: error.code, facts: error.facts });
}

async function sizeOf(file: string): Promise<number> {
  try {
    const status = await stat(file);
    if (status.isDirectory()) throw new Error('it is a folder');
    return status.size;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw new UsageError(`Cannot read "${file}": there is no such file. Use - for standard input`);
    throw new UsageError(`Cannot read "${file}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The lines of the input, numbered from 1. */
async function* linesIn(file: string): AsyncGenerator<{ readonly line: number; readonly bytes: Buffer }> {
  let line = 0;
  const pieces: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
  const check = (number: number, bytes: number): void => {
    if (bytes > LINE_BYTES_MAX) throw new LineError(number, `it has more than ${LINE_BYTES_MAX} bytes`);
  };
  for await (const bytes of linesOf(pieces, check)) {
    line += 1;
    yield { line, bytes };
  }
}

/** Programs on Windows end lines with a carriage return as well. */
function isBlank(bytes: Buffer): boolean {
  return bytes.length === 0 || (bytes.length === 1 && bytes[0] === CARRIAGE_RETURN);
}

/** What a read of versions is answered. */
interface FoundVersions {
  readonly entries: readonly { readonly seq: number }[];
}

/** Collects entries and sends them. */
class Importer {
  readonly #path: string;
  /** Undefined: nothing is sent. */
  readonly #remote: Remote | undefined;
  readonly #counts: Counts;
  readonly #isIfAbsent: boolean;
  readonly #signal: AbortSignal;
  #waiting: NumberedEntry[] = [];
  #waitingBytes = 0;
  #opsMax = BATCH_OPS_MAX;
  #bytesMax = BATCH_BYTES_MAX;

  constructor(
    path: string, remote: Remote | undefined, counts: Counts, options: { readonly isIfAbsent: boolean; readonly signal: AbortSignal },
  ) {
    this.#path = path;
    this.#remote = remote;
    this.#counts = counts;
    this.#isIfAbsent = options.isIfAbsent;
    this.#signal = options.signal;
  }

  async take(line: number, bytes: Buffer): Promise<void> {
    let entry: ImportedEntry;
    try {
      entry = readEntryLine(bytes);
    } catch (error) {
      if (!(error instanceof ImportLineError)) throw error;
      await this.flush();
      throw new LineError(line, error.message);
    }
    if (entry.expiresAtMs !== undefined && entry.expiresAtMs <= Date.now()) {
      this.#counts.expired += 1;
      if (this.#waiting.length === 0) this.#counts.doneLine = line;
      return;
    }
    if (this.#waitingBytes + bytes.length > this.#bytesMax) await this.flush();
    this.#waiting.push({ ...entry, line, sizeBytes: bytes.length });
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length >= this.#opsMax) await this.flush();
  }

  /** Sends what is waiting. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    const last = waiting.at(-1);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (last === undefined) return;
    await this.#send(waiting);
    this.#counts.doneLine = last.line;
  }

  async #send(entries: readonly NumberedEntry[]): Promise<void> {
    const wanted = this.#isIfAbsent && this.#remote !== undefined ? await this.#absentOf(entries) : entries;
    this.#counts.existing += entries.length - wanted.length;
    if (wanted.length === 0) return;
    try {
      await this.#post(wanted);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      const [first] = wanted;
      const unfit = UNFIT.includes(error.code) ? Number(error.facts['op_index'] ?? NaN) : NaN;
      const refused = wanted[unfit];
      if (refused !== undefined) {
        await this.#send(wanted.slice(0, unfit));
        this.#counts.doneLine = refused.line - 1;
        throw new LineError(refused.line, error.message);
      }
      // Another client has set one of the keys since they were looked up.
      if (this.#isIfAbsent && error.code === 'precondition_failed') return await this.#send(wanted);
      if (!TOO_LARGE.includes(error.code) || first === undefined) throw error;
      if (wanted.length === 1) return await this.#put(first, error);
      const half = Math.ceil(wanted.length / 2);
      // One long value must not make every later batch as short as its own.
      if (error.code === 'too_many_ops') this.#opsMax = Math.min(this.#opsMax, half);
      else this.#bytesMax = Math.min(this.#bytesMax, Math.ceil(wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 2));
      await this.#send(wanted.slice(0, half));
      this.#counts.doneLine = wanted[half - 1]?.line ?? this.#counts.doneLine;
      await this.#send(wanted.slice(half));
      return;
    }
    this.#counts.imported += wanted.length;
    this.#counts.batches += 1;
  }

  /** Sets a key by itself: the body of a batch may have to be shorter than a value. */
  async #put({ key, line, value, expiresAtMs }: NumberedEntry, tooLarge: RemoteError): Promise<void> {
    // `fetch` resolves these away.
    const isInPath = key !== '.' && key !== '..';
    if (tooLarge.code !== 'body_too_large' || !isInPath || expiresAtMs !== undefined) throw new LineError(line, tooLarge.message);
    const target = `${this.#path}/keys/${encodeURIComponent(key)}`;
    try {
      await this.#again((remote) => remote.change(target, { method: 'PUT', body: value, isNew: this.#isIfAbsent, signal: this.#signal }));
      this.#counts.imported += 1;
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (this.#isIfAbsent && error.code === 'precondition_failed') this.#counts.existing += 1;
      else throw TOO_LARGE.includes(error.code) ? new LineError(line, error.message) : error;
    }
  }

  async #post(entries: readonly NumberedEntry[]): Promise<void> {
    const ops = entries.map((entry) => operationOf(entry, this.#isIfAbsent)).join(',');
    const body = BATCH_FRAME.open + ops + BATCH_FRAME.close;
    await this.#again((remote) => remote.change(`${this.#path}/batch`, { body, signal: this.#signal }));
  }

  /** The entries whose keys do not exist, each key once. */
  async #absentOf(entries: readonly NumberedEntry[]): Promise<readonly NumberedEntry[]> {
    const keys = [...new Set(entries.map(({ key }) => key))];
    const body = JSON.stringify({ keys, values: false });
    const answer = await this.#again((remote) => remote.query(`${this.#path}/read`, { body, signal: this.#signal }));
    const { entries: found = [] } = answer === undefined ? {} : (JSON.parse(answer.text) as FoundVersions);
    const absent = new Set(keys.filter((_, index) => found[index]?.seq === 0));
    return entries.filter(({ key }) => absent.delete(key));
  }

  /** Asks the server, and again after a while if it is busy. */
  async #again<T>(ask: (remote: Remote) => Promise<T>): Promise<T | undefined> {
    if (this.#remote === undefined) return undefined;
    for (const pauseMs of PAUSES_MS) {
      try {
        return await ask(this.#remote);
      } catch (error) {
        if (!(error instanceof RemoteError) || error.exitCode !== EXIT_CODES.temporaryFailure) throw error;
        await sleep(pauseMs, undefined, { signal: this.#signal });
      }
    }
    return await ask(this.#remote);
  }
}
