/**
 * Judges a history by the log as the witness of the order. The log says where each write stands, so what is left to show is that the
 * answers agree with it: a place in the log can be given to every operation, such that what ended before another began stands before
 * it, and each was answered with what held at its place. Keys are judged together, since a project has one order.
 */
import { describeOperation, type History, type LoggedChange, type Operation } from './history.js';

/** How a key stood, and from which seq on. */
interface Stand {
  readonly seq: number;
  /** The seq of its last change, 0 while it was absent. */
  readonly version: number;
}

/** The log, as it can be asked. */
class Witness {
  readonly bySeq = new Map<number, LoggedChange>();
  readonly byRequest = new Map<string, LoggedChange[]>();
  readonly #stands = new Map<string, Stand[]>();

  constructor(changes: readonly LoggedChange[]) {
    for (const change of changes) {
      this.bySeq.set(change.seq, change);
      this.byRequest.set(change.request, [...(this.byRequest.get(change.request) ?? []), change]);
      const stands = this.#stands.get(change.key) ?? [];
      stands.push({ seq: change.seq, version: change.value === null ? 0 : change.seq });
      this.#stands.set(change.key, stands);
    }
  }

  /** The version of a key right after a seq. */
  versionAt(key: string, seq: number): number {
    return this.#stands.get(key)?.findLast((stand) => stand.seq <= seq)?.version ?? 0;
  }

  /** The first seq not before `seq` after which a key is at a version; undefined when it never is again. */
  placeOf(key: string, version: number, seq: number): number | undefined {
    if (this.versionAt(key, seq) === version) return seq;
    return this.#stands.get(key)?.find((stand) => stand.seq > seq && stand.version === version)?.seq;
  }
}

/**
 * Judges a history.
 *
 * @param history operations and readings of the log; the last reading is the witness
 * @returns what is wrong, each in one line; empty when the answers agree with the log
 */
export function judgeByLog(history: History): readonly string[] {
  const witness = new Witness(history.readings.at(-1)?.changes ?? []);
  return [
    ...history.operations.flatMap((operation) => judgeOperation(operation, witness).map((fault) => told(fault, operation))),
    ...strangers(history, witness),
    ...judgeOrder(history.operations, witness),
    ...judgeRestarts(history),
  ];
}

function told(fault: string, operation: Operation): string {
  return `${fault}: ${describeOperation(operation)}`;
}

/** What can be said of one operation without looking at the others. */
function judgeOperation(operation: Operation, witness: Witness): string[] {
  const { id, key, value, outcome, condition } = operation;
  const logged = witness.byRequest.get(id) ?? [];
  if (logged.length > 1) return ['carried out twice'];
  const [change] = logged;
  switch (outcome.kind) {
    case 'written': {
      const there = witness.bySeq.get(outcome.seq);
      if (there === undefined || there.request !== id) return ['acknowledged, and not in the log at its seq'];
      if (there.hash !== outcome.hash) return ['its receipt is not the hash of its line'];
      return judgeChange(operation, there, witness);
    }
    case 'unknown':
      return change === undefined ? [] : judgeChange(operation, change, witness);
    case 'found': {
      const there = witness.bySeq.get(outcome.seq);
      const isThere = there !== undefined && there.key === key && there.value !== null;
      return isThere && (outcome.value === null || there.value === outcome.value) ? [] : ['was shown what the log does not have'];
    }
    case 'refused':
      if (change !== undefined) return ['refused, and in the log'];
      if (condition === null) return ['refused without a condition'];
      return outcome.seq === (condition.kind === 'absent' ? 0 : condition.seq) ? ['refused at the version that it asked for'] : [];
    case 'absent':
    case 'rejected':
      return change === undefined ? [] : [`${value === null ? 'not carried out' : 'rejected'}, and in the log`];
  }
}

/** A write that is in the log has the content and the version before it that it asked for. */
function judgeChange({ key, value, condition, outcome }: Operation, change: LoggedChange, witness: Witness): string[] {
  const faults: string[] = [];
  if (change.key !== key || change.value !== value) faults.push('the log has another content');
  const before = witness.versionAt(key, change.seq - 1);
  if (condition !== null && before !== (condition.kind === 'absent' ? 0 : condition.seq)) faults.push(`carried out at version ${before}`);
  if (value === null && before === 0) faults.push('deleted what was not there');
  const isWrongNews = value !== null && outcome.kind === 'written' && outcome.created !== (before === 0);
  if (isWrongNews) faults.push(`got the wrong answer about version ${before} before it`);
  return faults;
}

/** Changes that no client asked for. */
function strangers({ operations }: History, witness: Witness): string[] {
  const asked = new Set(operations.map(({ id }) => id));
  const unasked = [...witness.bySeq.values()].filter(({ request }) => !asked.has(request));
  return unasked.map(({ seq, key, value }) => `asked for by no client: seq ${seq} ${key} ${value ?? 'deleted'}`);
}

/**
 * Gives each operation the earliest place that it can have. Going through time, `reached` is the latest place that anything which has
 * ended must have; whatever begins then has a place not before it, and a write one after it. Taking the earliest is never worse for
 * those that come later, so if this way finds no places, there are none.
 */
function judgeOrder(operations: readonly Operation[], witness: Witness): string[] {
  const moments = operations.flatMap((operation) => [
    { at: operation.begin, operation, isBegin: true }, { at: operation.end, operation, isBegin: false },
  ]);
  const reachedAtBegin = new Map<Operation, number>();
  const faults: string[] = [];
  let reached = 0;
  for (const { operation, isBegin } of moments.sort((a, b) => a.at - b.at)) {
    if (isBegin) {
      reachedAtBegin.set(operation, reached);
      continue;
    }
    const from = reachedAtBegin.get(operation) ?? 0;
    const place = placeOf(operation, from, witness);
    if (place === undefined) faults.push(told(`has no place in the log from seq ${from} on`, operation));
    else reached = Math.max(reached, place);
  }
  return faults;
}

/** The earliest place that an operation can have, undefined when it has none. */
function placeOf({ id, key, outcome }: Operation, from: number, witness: Witness): number | undefined {
  switch (outcome.kind) {
    case 'written':
      return outcome.seq > from ? outcome.seq : undefined;
    case 'unknown': {
      const change = witness.byRequest.get(id)?.[0];
      if (change === undefined) return from;
      return change.seq > from ? change.seq : undefined;
    }
    case 'found':
    case 'refused':
      return witness.placeOf(key, outcome.seq, from);
    case 'absent':
      return witness.placeOf(key, 0, from);
    case 'rejected':
      return from;
  }
}

/** A later reading extends an earlier one, and has all that anybody was shown before it. */
function judgeRestarts({ operations, readings }: History): string[] {
  const faults: string[] = [];
  for (const [index, { at, changes }] of readings.entries()) {
    const hashes = new Map(changes.map(({ seq, hash }) => [seq, hash]));
    const earlier = readings[index - 1]?.changes ?? [];
    const lost = earlier.filter(({ seq, hash }) => hashes.get(seq) !== hash);
    faults.push(...lost.map(({ seq }) => `changed or lost between two starts: seq ${seq}`));
    for (const operation of operations.filter(({ end }) => end < at)) {
      const { outcome } = operation;
      const isShown = outcome.kind === 'written' || outcome.kind === 'found' || (outcome.kind === 'refused' && outcome.seq > 0);
      if (isShown && !hashes.has(outcome.seq)) faults.push(told(`not in the log as it was read at ${at}`, operation));
    }
  }
  return faults;
}
