/**
 * The command `edit`: opens a value in the editor of the user and stores what was made of it, unless the key was changed meanwhile.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Entry } from '../../client/entries.js';
import { SimpleKvError } from '../../client/error.js';
import { complain } from '../command-output.js';
import { UsageError } from '../exit-codes.js';
import { InputError } from '../input-error.js';
import { printable } from '../printable.js';
import { Remote, type RemoteProject, type RemoteOptions } from '../remote.js';
import type { RunContext } from '../run-command.js';
import { ask, canAsk } from './confirm.js';
import { type FormOptions, printObject } from './output-form.js';
import { jsonFaultText } from './read-value.js';

/** Options of the command line. */
export interface EditCommandOptions extends RemoteOptions, FormOptions {}

const FILE_MODE = 0o600;
/** Exit codes with which a shell says that it could not run a command. */
const NOT_RUN_CODES: readonly (number | null)[] = [126, 127];
const DEFAULT_EDITOR = 'vi';
/** Signals that a terminal sends to the editor and to this program alike. */
const TERMINAL_SIGNALS = ['SIGINT', 'SIGQUIT'] as const;

/** The editor ran, and ended as one whose text is not wanted. */
class EditorEndedError extends Error {
  override readonly name = 'EditorEndedError';
}

/** What is edited. */
interface Editing {
  readonly remote: Remote;
  readonly place: RemoteProject;
  readonly key: string;
  /** Absolute; only the user can read it. */
  readonly file: string;
  readonly context: RunContext;
  /** What the editor begins with. */
  begun: string;
}

/**
 * Edits a value. A key that does not exist begins with nothing, and is created. What the user wrote and could not be stored stays in its
 * file.
 *
 * @returns false if the key was changed meanwhile and the user gave up, or the editor ended with a failure
 * @throws {UsageError} when there is no editor
 * @throws {InputError} when the user leaves text that is no JSON
 * @throws {RemoteError} when the server refuses
 */
export async function edit(key: string, options: EditCommandOptions, context: RunContext): Promise<boolean> {
  const remote = await Remote.need('edit a value', options);
  const place = await remote.project(options.project, context.signal);
  const folder = await mkdtemp(path.join(tmpdir(), 'simplekv-edit-'));
  const editing: Editing = { remote, place, key, file: path.join(folder, 'value.json'), context, begun: '' };
  let isKept = false;
  try {
    return await editIn(editing, options);
  } catch (error) {
    isKept = await hasWork(editing);
    if (isKept) complain(`nothing was stored. What you wrote is in ${printable(editing.file)}`);
    if (!(error instanceof EditorEndedError)) throw error;
    complain(error.message);
    return false;
  } finally {
    if (!isKept) await rm(folder, { recursive: true, force: true });
  }
}

async function hasWork({ file, begun }: Editing): Promise<boolean> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  return text !== '' && text !== begun.trim();
}

async function begin(editing: Editing, entry: Entry<string> | undefined): Promise<void> {
  editing.begun = `${entry?.text ?? ''}\n`;
  await writeFile(editing.file, editing.begun, { mode: FILE_MODE });
}

async function editIn(editing: Editing, options: EditCommandOptions): Promise<boolean> {
  const { remote, place: { kv }, key, context: { output, signal } } = editing;
  let entry = await readEntry(editing);
  await begin(editing, entry);
  for (;;) {
    const text = await edited(editing);
    if (text === undefined || text === entry?.text) {
      complain(`nothing was changed: ${text === undefined ? 'the file is empty' : 'the value is the same'}`);
      return true;
    }
    try {
      // The expiry stays as it is: an editor shows the value only.
      const condition = entry === undefined ? { ifSeq: 0 } : { ifEtag: entry.etag, keepTtl: true };
      const { seq, hash, etag, created, durable } = await kv.setText(key, text, { ...condition, signal });
      await printObject(output, options, {
        object: { key, seq, hash, etag, created, durable },
        text: () => `${printable(key)}: ${created ? 'created' : 'set'}, seq ${seq}, receipt ${hash}\n`,
      });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SimpleKvError)) throw error;
      if (error.code !== 'precondition_failed') throw remote.errorOf(error);
    }
    entry = await readEntry(editing);
    if (!(await wantsNewer(editing, entry))) return false;
    await begin(editing, entry);
  }
}

async function readEntry({ remote, place: { kv }, key, context: { signal } }: Editing): Promise<Entry<string> | undefined> {
  return await remote.asking(signal, () => kv.getEntry<string>(key, { signal }));
}

/** Another one has changed the key. What the user wrote is printed, so that it is not lost with the file. */
async function wantsNewer({ key, file, context: { signal } }: Editing, entry: Entry | undefined): Promise<boolean> {
  const now = entry === undefined ? 'it was deleted' : `it has the version of seq ${entry.seq} now`;
  complain(`${JSON.stringify(key)} was changed meanwhile: ${now}. Nothing was stored. What you wrote:`);
  process.stderr.write(`${printable((await readFile(file, 'utf8')).trimEnd())}\n`);
  if (!canAsk()) return false;
  return /^y(?:es)?$/i.test(await ask('Edit the newer value? [y/N] ', signal));
}

/**
 * Runs the editor until it leaves JSON.
 *
 * @returns undefined if the file is empty
 */
async function edited({ file, context: { signal } }: Editing): Promise<string | undefined> {
  for (;;) {
    await runEditor(file);
    signal.throwIfAborted();
    const text = (await readFile(file, 'utf8')).trim();
    if (text === '') return undefined;
    const fault = jsonFaultText(text);
    if (fault === undefined) return text;
    if (!canAsk()) throw new InputError(`Cannot store the value: ${fault}`);
    complain(`the value cannot be stored: ${fault}`);
    if (/^n(?:o)?$/i.test(await ask('Edit it again? [Y/n] ', signal))) throw new InputError(`Cannot store the value: ${fault}`);
  }
}

/** Has the editor alone react to a Ctrl-C: it would end this program, and with it the file that is being edited. */
async function leavingSignals<T>(work: () => Promise<T>): Promise<T> {
  const ignore = (): void => undefined;
  const before = TERMINAL_SIGNALS.map((name) => [name, process.listeners(name)] as const);
  for (const [name, listeners] of before) {
    process.on(name, ignore);
    for (const listener of listeners) process.removeListener(name, listener);
  }
  try {
    return await work();
  } finally {
    for (const [name, listeners] of before) {
      for (const listener of listeners) process.on(name, listener);
      process.removeListener(name, ignore);
    }
  }
}

/**
 * Runs the editor in a shell, since its setting may have arguments.
 *
 * @throws {UsageError} when it cannot be run
 * @throws {EditorEndedError} when it ends with a failure
 */
async function runEditor(file: string): Promise<void> {
  const { env: { VISUAL, EDITOR } } = process;
  const editor = VISUAL || EDITOR || DEFAULT_EDITOR;
  const { code, how } = await leavingSignals(() => new Promise<{ readonly code: number | null; readonly how: string }>((resolve) => {
    // The shell must outlive the signal too; the editor starts with the usual reaction to it.
    const child = spawn('sh', ['-c', `trap : INT QUIT; ${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
    child.on('error', (error) => resolve({ code: NOT_RUN_CODES[0] ?? null, how: error.message }));
    child.on('close', (ended, signalName) => resolve({ code: ended, how: `it ended with ${signalName ?? `exit code ${ended ?? ''}`}` }));
  }));
  if (code === 0) return;
  const name = JSON.stringify(editor);
  if (NOT_RUN_CODES.includes(code)) throw new UsageError(`Cannot edit with ${name}: ${how}. Set VISUAL or EDITOR to an editor`);
  throw new EditorEndedError(`Cannot store what the editor ${name} left: ${how}`);
}
