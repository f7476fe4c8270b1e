/**
 * Judges a history by the log as the witness of the order. The log says where each write stands, so what is left to show is that the
 * answers agree with it: a place in the log can be given to every operation, such that what ended before another began stands before
 * it, and each was answered with what held at its place. Keys are judged together, since a project has one order, in which a request
 * has one place for all its keys.
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
  readonly #bySeq = new Map<number, LoggedChange[]>();
  readonly #byRequest = new Map<string, LoggedChange[]>();
  readonly #stands = new Map<string, Stand[]>();

  constructor(changes: readonly LoggedChange[]) {
    for (const change of changes) {
      this.#bySeq.set(change.seq, [...(this.#bySeq.get(change.seq) ?? []), change]);
      this.#byRequest.set(change.request, [...(this.#byRequest.get(change.request) ?? []), change]);
      const stands = this.#stands.get(change.key) ?? [];
      stands.push({ seq: change.seq, version: change.value === null ? 0 : change.seq });
      this.#stands.set(change.key, stands);
    }
  }

  /** What a line makes of a key; where it makes nothing of it, whatever else it does. */
  changeAt(seq: number, key: string): LoggedChange | undefined {
    const changes = this.#bySeq.get(seq);
    return changes?.find((change) => change.key === key) ?? changes?.[0];
  }

  /** What a request has changed. */
  changesOf(request: string): readonly LoggedChange[] {
    return this.#byRequest.get(request) ?? [];
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
  const changes = history.readings.at(-1)?.changes ?? [];
  const witness = new Witness(changes);
  const requests = requestsOf(history.operations);
  return [
    ...history.operations.flatMap((operation) => judgeOperation(operation, witness).map((fault) => told(fault, operation))),
    ...requests.flatMap((request) => judgeRequest(request, witness)),
    ...strangers(history, changes),
    ...judgeOrder(requests, witness),
    ...judgeRestarts(history),
  ];
}

/** The operations of each request. */
function requestsOf(operations: readonly Operation[]): readonly (readonly Operation[])[] {
  const requests = new Map<string, Operation[]>();
  for (const operation of operations) requests.set(operation.id, [...(requests.get(operation.id) ?? []), operation]);
  return [...requests.values()];
}

function told(fault: string, operation: Operation): string {
  return `${fault}: ${describeOperation(operation)}`;
}

/** What can be said of one operation without looking at the others. */
function judgeOperation(operation: Operation, witness: Witness): string[] {
  const { id, key, value, outcome, condition } = operation;
  const logged = witness.changesOf(id).filter((change) => change.key === key);
  if (logged.length > 1) return ['carried out twice'];
  const [change] = logged;
  switch (outcome.kind) {
    case 'written': {
      const there = witness.changeAt(outcome.seq, key);
      if (there === undefined || there.request !== id) return ['acknowledged, and not in the log at its seq'];
      if (there.hash !== outcome.hash) return ['its receipt is not the hash of its line'];
      return judgeChange(operation, there, witness);
    }
    case 'unknown':
      return change === undefined ? [] : judgeChange(operation, change, witness);
    case 'found': {
      const there = witness.changeAt(outcome.seq, key);
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

/** What can be said of all that a request does: it is one line, with what was asked for and nothing else, or none. */
function judgeRequest(request: readonly Operation[], witness: Witness): string[] {
  const [first] = request;
  const logged = first === undefined ? [] : witness.changesOf(first.id);
  const [line] = logged;
  if (first === undefined || line === undefined) return [];
  if (logged.some(({ seq }) => seq !== line.seq)) return [told('carried out at two places', first)];
  if (logged.some(({ key }) => !request.some((operation) => operation.key === key))) return [told('the log has another content', first)];
  // A batch deletes no key that is not there.
  const missed = request.filter(({ key, value }) => (
    !logged.some((change) => change.key === key) && (value !== null || witness.versionAt(key, line.seq - 1) > 0)
  ));
  return missed.map((operation) => told('not carried out with the rest of its batch', operation));
}

/** Changes that no client asked for. */
function strangers({ operations }: History, changes: readonly LoggedChange[]): string[] {
  const asked = new Set(operations.map(({ id }) => id));
  const unasked = changes.filter(({ request }) => !asked.has(request));
  return unasked.map(({ seq, key, value }) => `asked for by no client: seq ${seq} ${key} ${value ?? 'deleted'}`);
}

/**
 * Gives each request the earliest place that it can have. Going through time, `reached` is the latest place that anything which has
 * ended must have; whatever begins then has a place not before it, and a write one after it. Taking the earliest is never worse for
 * those that come later, so if this way finds no places, there are none.
 */
function judgeOrder(requests: readonly (readonly Operation[])[], witness: Witness): string[] {
  const moments = requests.flatMap((request) => request.slice(0, 1).flatMap(({ begin, end }) => [
    { at: begin, request, isBegin: true }, { at: end, request, isBegin: false },
  ]));
  const reachedAtBegin = new Map<readonly Operation[], number>();
  const faults: string[] = [];
  let reached = 0;
  for (const { request, isBegin } of moments.sort((a, b) => a.at - b.at)) {
    if (isBegin) {
      reachedAtBegin.set(request, reached);
      continue;
    }
    const from = reachedAtBegin.get(request) ?? 0;
    const place = placeOfAll(request, from, witness);
    if (place === undefined) faults.push(...request.map((operation) => told(`has no place in the log from seq ${from} on`, operation)));
    else reached = Math.max(reached, place);
  }
  return faults;
}

/** The earliest place that all operations of a request can have together, undefined when there is none. */
function placeOfAll(request: readonly Operation[], from: number, witness: Witness): number | undefined {
  for (let reached = from; ;) {
    const before = reached;
    for (const operation of request) {
      const place = placeOf(operation, { from, reached }, witness);
      if (place === undefined) return undefined;
      reached = place;
    }
    if (reached === before) return reached;
  }
}

/** The earliest place that an operation can have, not before `reached`, and after `from` if it writes; undefined when it has none. */
function placeOf(
  { id, key, outcome }: Operation, { from, reached }: { readonly from: number; readonly reached: number }, witness: Witness,
): number | undefined {
  const written = outcome.kind === 'unknown' ? witness.changesOf(id)[0]?.seq : outcome.kind === 'written' ? outcome.seq : undefined;
  if (written !== undefined) return written > from && written >= reached ? written : undefined;
  switch (outcome.kind) {
    case 'found':
    case 'refused':
      return witness.placeOf(key, outcome.seq, reached);
    case 'absent':
      return witness.placeOf(key, 0, reached);
    default:
      return reached;
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
