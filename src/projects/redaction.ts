/**
 * Redaction as a request, and its result; how the lines to be erased are found. `compaction/erasure.ts` erases files.
 */
import { AppError } from '../base/app-error.js';
import type { RedactedLine } from '../events/event.js';
import { erasedVersions } from '../events/redaction.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { hasValueOf, redactedLineOf } from '../store/redacted-line.js';
import { valueInUse } from '../store/value-in-use.js';

/** Asks to erase the values of lines. */
export interface RedactionRequest {
  /** Of the lines. */
  readonly seqs: readonly number[];
  readonly reason: string;
}

/** What was erased. */
export interface RedactionResult {
  /** The line that records the erasure; undefined if there was nothing to erase. */
  readonly line: { readonly seq: number; readonly hash: string } | undefined;
  /** Seqs of the lines that it names. */
  readonly erased: readonly number[];
  /** Seqs of lines that had been erased before. */
  readonly alreadyErased: readonly number[];
  /** Seqs of lines that have no value. */
  readonly withoutValue: readonly number[];
}

/** What a redaction is to erase. */
interface RedactionPlan extends Omit<RedactionResult, 'line' | 'erased'> {
  readonly lines: readonly RedactedLine[];
}

/**
 * Finds lines that the log no longer has, in snapshots.
 *
 * @returns by seq what there is of the values; seqs that no snapshot has are missing
 */
export type FindGone = (seqs: ReadonlySet<number>) => Promise<ReadonlyMap<number, RedactedLine | 'erased'>>;

/**
 * Reads what a redaction is to erase.
 *
 * @throws {AppError} `ahead_of_log`, `history_gone`, `project_corrupt`
 */
export async function planRedaction(store: ProjectStore, seqs: readonly number[], findGone: FindGone): Promise<RedactionPlan> {
  const { feed, redactions } = store;
  const recorded = new Set(redactions.unfinished.flatMap(({ event }) => event.lines.map(({ seq }) => seq)));
  const { seq: lastSeq } = feed.end;
  const ascending = [...new Set(seqs)].sort((a, b) => a - b);
  const beyond = ascending.find((seq) => seq > lastSeq);
  if (beyond !== undefined) {
    const facts = { log_id: store.logId, oldest_seq: feed.oldestSeq, last_seq: lastSeq };
    throw new AppError('ahead_of_log', `Cannot erase the line of seq ${beyond}: the log ends with seq ${lastSeq}`, { facts });
  }
  const before = ascending.filter((seq) => seq < feed.oldestSeq);
  const gone = before.length === 0 ? new Map<number, RedactedLine | 'erased'>() : await findGone(new Set(before));
  const [lines, alreadyErased, withoutValue]: [RedactedLine[], number[], number[]] = [[], [], []];
  for (const seq of ascending) {
    const found = recorded.has(seq) ? 'erased' : seq < feed.oldestSeq ? gone.get(seq) ?? goneFrom(store, seq) : await lineOf(store, seq);
    if (found === 'erased') alreadyErased.push(seq);
    else if (found === undefined) withoutValue.push(seq);
    else lines.push(found);
  }
  await refuseValuesInUse(store, lines);
  return { lines, alreadyErased, withoutValue };
}

/** Values that are not in use now will not be later: only a line of its own gives a key a value. */
async function refuseValuesInUse(store: ProjectStore, lines: readonly RedactedLine[]): Promise<void> {
  const keys: string[] = [];
  for (const { key, seq } of erasedVersions({ lines })) if (await hasValueOf(store, key, seq)) keys.push(key);
  if (keys.length > 0) throw valueInUse(keys);
}

async function lineOf({ feed }: ProjectStore, seq: number): Promise<RedactedLine | 'erased' | undefined> {
  const line = await feed.lineAt(seq);
  return line.left === undefined ? redactedLineOf(line) : 'erased';
}

function goneFrom({ feed, snapshot }: ProjectStore, seq: number): never {
  const facts = { oldest_seq: feed.oldestSeq, snapshot_seq: snapshot?.seq ?? null };
  throw new AppError('history_gone', `Cannot erase the line of seq ${seq}: the log begins with seq ${feed.oldestSeq}`, { facts });
}

/** Erases values of a project in memory, where the log erases its lines by itself. */
export async function redactInMemory(store: ProjectStore, request: RedactionRequest, context: CommandContext): Promise<RedactionResult> {
  const { lines, alreadyErased, withoutValue } = await planRedaction(store, request.seqs, () => Promise.resolve(new Map()));
  const erased = lines.map(({ seq }) => seq);
  const rest = { erased, alreadyErased, withoutValue };
  if (lines.length === 0) return { line: undefined, ...rest };
  const { seq, hash } = await store.submit({ type: 'redact', reason: request.reason, lines }, context);
  await store.redactions.forgetErased();
  store.redactions.finish(seq);
  return { line: hash === undefined ? undefined : { seq, hash }, ...rest };
}
