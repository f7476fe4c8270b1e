/**
 * Reads a project's log from its files the way an auditor would: knows the written rules of the format and nothing of the
 * program. Every line is checked: form, hash, chain, and seqs without a gap.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What an event makes of a key. */
export interface FoundChange {
  readonly key: string;
  /** JSON text; null where the key is deleted. */
  readonly value: string | null;
}

/** An event as the log has it. */
export interface FoundEvent {
  readonly seq: number;
  readonly op: string;
  readonly hash: string;
  /** Null for an event without a key. */
  readonly key: string | null;
  /** JSON text; null for an event without a value. */
  readonly value: string | null;
  /** Of a `clear.range` the prefix of the keys that it deletes; null for none, and for another event. */
  readonly prefix: string | null;
  /** What becomes of each key; empty for an event that changes none, and for a clear. */
  readonly changes: readonly FoundChange[];
  /** The whole line. */
  readonly line: string;
}

/** A log. */
export interface FoundLog {
  readonly logId: string;
  readonly events: readonly FoundEvent[];
  readonly segmentCount: number;
}

const HASH_TAIL = /,"hash":"([0-9a-f]{64})"\}$/;
const SALT_MARK = ',"salt":';
const VALUE_MARK = ',"value":';
const KEY_MARK = ',"key":';

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function split(line: string): { readonly before: string; readonly hash: string } {
  const tail = HASH_TAIL.exec(line);
  if (tail === null) throw new Error(`No hash at the end of ${line.slice(0, 200)}`);
  return { before: line.slice(0, -tail[0].length), hash: tail[1] ?? '' };
}

function check(line: string, previous: string): string {
  const { before, hash } = split(line);
  const mark = before.indexOf(SALT_MARK);
  const partA = mark === -1 ? before : before.slice(0, mark);
  const partB = mark === -1 ? '' : before.slice(mark);
  const due = sha256(previous + sha256(partA) + sha256(partB));
  if (due !== hash) throw new Error(`A wrong hash in ${line.slice(0, 200)}`);
  return hash;
}

/** The fields of an event line that are looked at. The values of a batch are printed anew. */
interface ParsedLine extends Pick<FoundEvent, 'seq' | 'op' | 'hash'> {
  readonly key?: string;
  readonly prefix?: string | null;
  readonly ops?: readonly { readonly op: string; readonly key: string; readonly value?: unknown }[];
}

function eventOf(line: string): FoundEvent {
  const parsed = JSON.parse(line) as ParsedLine;
  const { before } = split(line);
  const isSet = (op: string): boolean => op === 'set' || op === 'set.until';
  const valueAt = isSet(parsed.op) ? before.indexOf(VALUE_MARK, before.indexOf(KEY_MARK)) : -1;
  const value = valueAt === -1 ? null : before.slice(valueAt + VALUE_MARK.length);
  const { seq, op, hash, key = null, prefix = null, ops = [] } = parsed;
  const alone = key !== null && (isSet(op) || op === 'delete') ? [{ key, value }] : [];
  const changes = op === 'batch' ? ops.map((one) => ({ key: one.key, value: isSet(one.op) ? JSON.stringify(one.value) : null })) : alone;
  return { seq, op, hash, key, value, prefix, changes, line };
}

/** The files of a log's segments, oldest first. */
export function segmentFiles(dataFolder: string, project: string): readonly string[] {
  const folder = path.join(dataFolder, project);
  const sealed = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{20}\.jsonl$/.test(name))
        .sort()
    : [];
  return [...sealed.map((name) => path.join(folder, name)), path.join(dataFolder, `${project}.jsonl`)];
}

/**
 * Reads and checks a whole log.
 *
 * @param dataFolder the folder of all logs
 * @param project the project's id
 * @returns its events
 * @throws {Error} for anything that the format does not allow
 */
export function readLogFiles(dataFolder: string, project: string): FoundLog {
  const files = segmentFiles(dataFolder, project);
  const events: FoundEvent[] = [];
  let logId = '';
  let previous = '';
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    if (!text.endsWith('\n')) throw new Error(`"${file}" ends within a line`);
    const [first = '', ...lines] = text.slice(0, -1).split('\n');
    const header = JSON.parse(first) as { log_id: string; first_seq: number; prev: string };
    if (logId === '') {
      logId = header.log_id;
      previous = sha256(`simplekv/1\n${project}\n${logId}`);
    }
    if (header.log_id !== logId || header.first_seq !== events.length + 1 || header.prev !== previous) {
      throw new Error(`"${file}" does not continue the segment before it: ${first}`);
    }
    check(first, previous);
    for (const [index, line] of lines.entries()) {
      const hash = check(line, previous);
      if (line.startsWith('{"seal":')) {
        if (index !== lines.length - 1) throw new Error(`"${file}" goes on after its seal`);
        continue;
      }
      const event = eventOf(line);
      if (event.seq !== events.length + 1) throw new Error(`"${file}" has seq ${event.seq} where ${events.length + 1} is due`);
      previous = hash;
      events.push(event);
    }
  }
  return { logId, events, segmentCount: files.length };
}

/** Values after all events, as JSON text by key. */
export function foldEvents(events: readonly FoundEvent[]): ReadonlyMap<string, string> {
  const state = new Map<string, string>();
  for (const { op, prefix, changes } of events) {
    if (op === 'clear') state.clear();
    // Tests delete ranges by their prefix only.
    if (op === 'clear.range') for (const key of [...state.keys()]) if (key.startsWith(prefix ?? '')) state.delete(key);
    for (const { key, value } of changes) {
      if (value === null) state.delete(key);
      else state.set(key, value);
    }
  }
  return state;
}

/** The listing that a server has to give for a state, byte for byte. */
export function listingOf(state: ReadonlyMap<string, string>): string {
  const sorted = [...state].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}
