/** Projects as files, written by hand: logs cut into segments where a test wants them, and their state. */
import { compareUtf8 } from '../../src/base/compare-utf8.js';
import { encodeEvent } from '../../src/events/codec.js';
import { type AnyEvent, keyChangesOf, removesKey, setsValue } from '../../src/events/event.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { createHead } from '../../src/log/file/head-file.js';
import { encodeEventLine, genesisHash } from '../../src/log/line-format.js';
import { encodeHeaderLine, encodeSealLine } from '../../src/log/segment-format.js';
import { FaultDisk } from '../disk/fault-disk.js';

/** Folder of the data on a disk in memory. */
export const DATA = '/data';
/** The log that most tests read. */
export const LOG_ID = '00112233445566778899aabbccddeeff';
/** The time of seq 1; each line is a second later than the previous one. */
export const FIRST_TIME_MS = Date.UTC(2026, 10, 22, 10);

/** A line as written. */
export interface WrittenLine {
  readonly seq: number;
  readonly timeMs: number;
  readonly hash: string;
  readonly event: AnyEvent;
  /** Name of its file, relative to the data folder. */
  readonly file: string;
  /** Where it begins in that file, in bytes. */
  readonly offset: number;
  /** With its line feed. */
  readonly text: string;
}

/** A log as files. */
export interface WrittenLog {
  readonly project: string;
  readonly logId: string;
  /** Content by name relative to the data folder; the head aside. */
  readonly files: ReadonlyMap<string, string>;
  readonly lines: readonly WrittenLine[];
}

/** The content of a log. */
export interface LogScript {
  readonly project: string;
  readonly logId?: string;
  readonly events: readonly AnyEvent[];
  /** How many lines each sealed segment has; the rest is active. */
  readonly sealed?: readonly number[];
  /** Where it goes on from; absent: from nothing. */
  readonly base?: { readonly seq: number; readonly hash: string; readonly digest: string };
  /** Times by seq, where they are not a second apart. */
  readonly timesMs?: ReadonlyMap<number, number>;
}

/** The event that a project's log begins with. */
export const CREATE: AnyEvent = {
  op: 'project.create', settings: BUILT_IN_SETTINGS, key_id: '0123456789abcdef',
};

/** A key gets a value. */
export function set(key: string, value: string): AnyEvent {
  return { op: 'set', key, value };
}

/** Writes a log. */
export function writeLog(script: LogScript): WrittenLog {
  const { project, logId = LOG_ID, events, sealed = [], base } = script;
  const files = new Map<string, string>();
  const lines: WrittenLine[] = [];
  let previousHash = base?.hash ?? genesisHash(project, logId);
  let seq = (base?.seq ?? 0) + 1;
  let rest = [...events];
  for (const [index, count] of [...sealed, rest.length].entries()) {
    const isActive = index === sealed.length;
    const firstSeq = seq;
    const sealedName = `${String(firstSeq).padStart(20, '0')}.jsonl`;
    const file = isActive ? `${project}.jsonl` : `${project}/${sealedName}`;
    const withBase = index === 0 && base !== undefined ? { base: base.digest } : {};
    let text = encodeHeaderLine({ format: 1, project, logId, firstSeq, previousHash, ...withBase });
    for (const event of isActive ? rest : rest.slice(0, count)) {
      const timeMs = script.timesMs?.get(seq) ?? FIRST_TIME_MS + (seq - 1) * 1000;
      const stamp = { seq, timeMs, durable: seq - 1, salt: String(seq).padStart(22, 's') };
      const line = encodeEventLine({ ...encodeEvent(event), actor: `global#${'0'.repeat(16)}`, request: `r${seq}` }, stamp, previousHash);
      lines.push({ seq, timeMs, hash: line.hash, event, file, offset: Buffer.byteLength(text), text: line.text });
      text += line.text;
      previousHash = line.hash;
      seq += 1;
    }
    rest = rest.slice(count);
    if (!isActive) text += encodeSealLine({ sealedName, nextSeq: seq, nextName: `${project}.jsonl` }, previousHash);
    files.set(file, text);
  }
  return { project, logId, files, lines };
}

/** A disk in memory with an empty data folder. */
export function emptyDataDisk(): FaultDisk {
  const disk = new FaultDisk();
  disk.tree.makeFolder(DATA);
  disk.tree.syncAll();
  return disk;
}

/** Puts a log on a disk in memory, with a head that proves all of it. */
export async function putLog(disk: FaultDisk, log: WrittenLog): Promise<void> {
  disk.tree.makeFolder(`${DATA}/${log.project}`);
  for (const [name, text] of log.files) disk.put(`${DATA}/${name}`, text);
  const last = log.lines.at(-1);
  const end = { seq: last?.seq ?? 0, hash: last?.hash ?? genesisHash(log.project, log.logId) };
  await createHead(disk, `${DATA}/${log.project}/head`, { logId: log.logId, ...end });
  disk.tree.syncAll();
}

/** The text of a snapshot at a seq, computed in the plainest way. */
export function stateText(events: readonly AnyEvent[]): string {
  const values = new Map<string, string>();
  for (const event of events) {
    if (event.op === 'clear') values.clear();
    for (const change of keyChangesOf(event)) {
      if (setsValue(change)) values.set(change.key, change.value);
      else if (removesKey(change)) values.delete(change.key);
    }
  }
  const entries = [...values].sort(([a], [b]) => compareUtf8(a, b)).map(([key, value]) => `${JSON.stringify(key)}:${value}`);
  return entries.length === 0 ? '{}\n' : `{\n${entries.join(',\n')}\n}\n`;
}
