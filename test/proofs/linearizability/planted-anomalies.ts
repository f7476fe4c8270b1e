/**
 * Small histories made by hand. The sound ones show what must be allowed; each of the others has one thing in it that must never
 * happen, and names the judges that have to see it.
 */
import type { Condition, History, LoggedChange, LogReading, Operation, Outcome } from './history.js';

/** A judge, by what it goes by. */
export type Judge = 'log' | 'search';

/** A history that must not pass. */
export interface PlantedAnomaly {
  readonly name: string;
  readonly caughtBy: readonly Judge[];
  /** What the judge by the log has to say. */
  readonly says?: RegExp;
  readonly history: History;
}

/** An operation as a story tells it. */
interface Told {
  /** Left out: right after the last operation of the story, and over before the next. */
  readonly begin?: number;
  readonly end?: number;
  readonly condition?: Condition;
  readonly created?: boolean;
  /** The seq of the answer, where it differs from the place in the log. */
  readonly seq?: number;
  readonly hash?: string;
  /** False: the log does not have it. */
  readonly logged?: boolean;
}

/** What a batch does to one key: sets it, or deletes it where the value is null. */
type BatchPart = readonly [key: string, value: string | null];

type Asked = Pick<Operation, 'id' | 'kind' | 'key' | 'value'>;

const ABSENT: Condition = { kind: 'absent' };

/** How the log has a batch. */
interface BatchTold {
  /** Only these parts, or others. */
  readonly has?: readonly BatchPart[];
  /** Each with a line of its own. */
  readonly isSplit?: boolean;
}

/** Tells a history, one operation after another unless told otherwise. */
class Story {
  readonly operations: Operation[] = [];
  readonly changes: LoggedChange[] = [];
  readonly #readings: LogReading[] = [];
  #clock = 0;

  /** Puts a line into the log. */
  log(request: string, key: string, value: string | null): number {
    const seq = (this.changes.at(-1)?.seq ?? 0) + 1;
    this.changes.push({ seq, key, value, hash: `h${seq}`, request });
    return seq;
  }

  /** Values are unique, so a value serves as the id of its put. */
  put(key: string, value: string, told: Told = {}): this {
    const seq = told.logged === false ? 1 : this.log(value, key, value);
    const { created = !this.#isThere(key, seq), hash = `h${told.seq ?? seq}` } = told;
    return this.#add({ id: value, kind: 'put', key, value }, told, { kind: 'written', seq: told.seq ?? seq, hash, created });
  }

  delete(key: string, id: string, told: Told = {}): this {
    const seq = told.logged === false ? 1 : this.log(id, key, null);
    return this.#add({ id, kind: 'delete', key, value: null }, told, { kind: 'written', seq, hash: `h${seq}`, created: false });
  }

  /** A put that ends otherwise than by being carried out. */
  tried(key: string, value: string, told: Told & { readonly outcome: Outcome }): this {
    return this.#add({ id: value, kind: 'put', key, value }, told, told.outcome);
  }

  /** A put without an answer. It is in the log if told so. */
  lost(key: string, value: string, told: Told = {}): this {
    if (told.logged === true) this.log(value, key, value);
    return this.#add({ id: value, kind: 'put', key, value }, told, { kind: 'unknown' });
  }

  /** A batch. The log has it as one line, unless the story says otherwise. With `logged`, it has no answer. */
  batch(id: string, parts: readonly BatchPart[], told: Told & BatchTold = {}): this {
    const { has = parts, isSplit = false } = told;
    const seqs = new Map<string, number>();
    for (const [index, [key, value]] of has.entries()) {
      const seq = (this.changes.at(-1)?.seq ?? 0) + (index === 0 || isSplit ? 1 : 0);
      this.changes.push({ seq, key, value, hash: `h${seq}`, request: id });
      seqs.set(key, seq);
    }
    const first = Math.min(...seqs.values());
    return this.#addAll(parts.map(([key, value]) => {
      const seq = isSplit ? (seqs.get(key) ?? first) : first;
      const created = value !== null && !this.#isThere(key, seq);
      const what = { id, kind: value === null ? 'delete' as const : 'put' as const, key, value };
      return [what, told.logged === undefined ? { kind: 'written', seq, hash: `h${seq}`, created } : { kind: 'unknown' }];
    }), told);
  }

  /** A read of several keys at one moment, each as of a seq. */
  read(versions: Readonly<Record<string, number>>, told: Told = {}): this {
    const id = this.#nextId();
    return this.#addAll(Object.entries(versions).map(([key, seq]) => {
      const value = this.changes.find((change) => change.seq === seq && change.key === key)?.value ?? null;
      return [{ id, kind: 'get', key, value: null }, seq === 0 ? { kind: 'absent' } : { kind: 'found', seq, value }];
    }), told);
  }

  /** A read that shows what the log has at a seq, or the given value. */
  get(key: string, seq: number, told: Told & { readonly value?: string } = {}): this {
    const value = told.value ?? this.changes.find((change) => change.seq === seq)?.value ?? null;
    return this.#add({ id: this.#nextId(), kind: 'get', key, value: null }, told, { kind: 'found', seq, value });
  }

  head(key: string, seq: number, told: Told = {}): this {
    return this.#add({ id: this.#nextId(), kind: 'head', key, value: null }, told, { kind: 'found', seq, value: null });
  }

  /** A read, or a deletion, whose answer is that there is nothing. */
  nothing(key: string, kind: 'get' | 'head' | 'delete' = 'get', told: Told = {}): this {
    return this.#add({ id: this.#nextId(), kind, key, value: null }, told, { kind: 'absent' });
  }

  /** Reads the log as it is now, as after a restart. */
  restart(): this {
    this.#clock += 1;
    this.#readings.push({ at: this.#clock, changes: [...this.changes] });
    return this;
  }

  /** Does anything else. */
  also(change: (story: this) => void): this {
    change(this);
    return this;
  }

  history(): History {
    this.restart();
    return { operations: this.operations, readings: this.#readings };
  }

  #nextId(): string {
    return `r${this.operations.length}`;
  }

  #isThere(key: string, before: number): boolean {
    return (this.changes.findLast((change) => change.key === key && change.seq < before)?.value ?? null) !== null;
  }

  #add(what: Asked, told: Told, outcome: Outcome): this {
    return this.#addAll([[what, outcome]], told);
  }

  #addAll(parts: readonly (readonly [Asked, Outcome])[], told: Told): this {
    const begin = told.begin ?? this.#clock + 1;
    const end = told.end ?? Math.max(begin, this.#clock) + 1;
    // Moments that a story gives have fractions, which keeps them apart from the clock's.
    this.#clock = Math.max(this.#clock, Math.floor(begin), Number.isFinite(end) ? Math.floor(end) : 0);
    this.operations.push(...parts.map(([what, outcome]) => ({ ...what, condition: told.condition ?? null, begin, end, outcome })));
    return this;
  }
}

/** Tells a story about nothing in particular first, so that an anomaly does not stand at the very beginning. */
function story(): Story {
  return new Story().put('z', 'z1').get('z', 1);
}

function at(seq: number, value: string): Condition {
  return { kind: 'match', seq, value };
}

/** What the batches of the stories set. */
const PAIR: readonly BatchPart[] = [['a', 'a1'], ['b', 'b1']];

/** Histories in which all is well. */
export const SOUND_HISTORIES: readonly { readonly name: string; readonly history: History }[] = [
  {
    name: 'one after another',
    history: story().put('a', 'a1').get('a', 2).head('a', 2).put('a', 'a2', { condition: at(2, 'a1') })
      .tried('a', 'a3', { condition: at(2, 'a1'), outcome: { kind: 'refused', seq: 3 } })
      .delete('a', 'd1').nothing('a').nothing('a', 'delete')
      .tried('a', 'a4', { condition: at(3, 'a2'), outcome: { kind: 'refused', seq: 0 } }).put('a', 'a5', { condition: ABSENT })
      .tried('a', 'a6', { condition: ABSENT, outcome: { kind: 'refused', seq: 5 } }).tried('a', 'a7', { outcome: { kind: 'rejected' } })
      .get('a', 5)
      .history(),
  },
  {
    name: 'reads beside a write that see either side of it',
    history: story().put('a', 'a1').put('a', 'a2', { begin: 10.1, end: 20.1 }).get('a', 2, { begin: 11.1, end: 12.1 })
      .get('a', 3, { begin: 13.1, end: 19.1 }).get('a', 2, { begin: 10.2, end: 19.2 }).get('a', 3).history(),
  },
  {
    name: 'writes beside each other, in an order that could not be foreseen',
    history: story().put('a', 'a1', { begin: 10.1, end: 20.1, created: true }).put('a', 'a2', { begin: 10.2, end: 15.1 })
      .put('b', 'b1', { begin: 10.3, end: 14.1 }).get('a', 3, { begin: 21.1, end: 22.1 }).history(),
  },
  { name: 'an unanswered write that happened', history: story().lost('a', 'a1', { logged: true }).restart().get('a', 2).history() },
  { name: 'an unanswered write that did not', history: story().lost('a', 'a1').restart().nothing('a').put('a', 'a2').history() },
  {
    name: 'an unanswered write that was seen before the restart',
    history: story().lost('a', 'a1', { logged: true, begin: 10.1, end: 20.1 }).get('a', 2, { begin: 12.1, end: 13.1 }).restart().get('a', 2)
      .history(),
  },
  {
    name: 'batches, and reads of both of their keys before, between and after them',
    history: story().read({ a: 0, b: 0 }).batch('m1', PAIR).read({ a: 2, b: 2 }).put('a', 'a2').read({ a: 3, b: 2 })
      .batch('m2', [['a', null], ['b', 'b2']]).read({ a: 0, b: 4 }).history(),
  },
  {
    name: 'reads of both keys beside a batch, some before it and some after it',
    history: story().put('a', 'a0').batch('m1', PAIR, { begin: 10.1, end: 20.1 }).read({ a: 2, b: 0 }, { begin: 11.1, end: 19.1 })
      .read({ a: 3, b: 3 }, { begin: 12.1, end: 18.1 }).history(),
  },
  {
    name: 'an unanswered batch that happened, and one that did not',
    history: story().batch('m1', PAIR, { logged: true }).restart().read({ a: 2, b: 2 })
      .batch('m2', [['a', 'a2'], ['b', null]], { logged: false, has: [] }).restart().read({ a: 2, b: 2 }).history(),
  },
  {
    name: 'a write without an answer and without an end',
    history: story().put('a', 'a1').lost('a', 'a2', { end: Number.POSITIVE_INFINITY }).get('a', 2)
      .also((told) => told.log('a2', 'a', 'a2')).get('a', 3).history(),
  },
];

/** Histories that must not pass. */
export const PLANTED_ANOMALIES: readonly PlantedAnomaly[] = [
  {
    name: 'lost write', caughtBy: ['log', 'search'], says: /not in the log at its seq/,
    history: story().put('a', 'a1', { logged: false, created: true }).nothing('a').history(),
  },
  {
    name: 'stale read', caughtBy: ['log', 'search'], says: /no place/,
    history: story().put('a', 'a1').put('a', 'a2').get('a', 2).history(),
  },
  {
    name: 'dirty read', caughtBy: ['log', 'search'], says: /shown what the log does not have/,
    history: story().lost('a', 'a1', { begin: 10.1, end: 20.1 }).get('a', 2, { value: 'a1', begin: 11.1, end: 12.1 }).restart().nothing('a')
      .history(),
  },
  {
    name: 'read of a value that was never written', caughtBy: ['log', 'search'], says: /shown what the log does not have/,
    history: story().put('a', 'a1').get('a', 2, { value: 'ghost' }).history(),
  },
  {
    name: 'read of another key\'s value', caughtBy: ['log', 'search'], says: /shown what the log does not have/,
    history: story().put('a', 'a1').put('b', 'b1').get('b', 2, { value: 'a1' }).history(),
  },
  {
    name: 'future read', caughtBy: ['log', 'search'], says: /no place/,
    history: story().also((told) => told.log('a1', 'a', 'a1')).get('a', 2)
      .tried('a', 'a1', { outcome: { kind: 'written', seq: 2, hash: 'h2', created: true } }).history(),
  },
  {
    name: 'unanswered write applied twice', caughtBy: ['log', 'search'], says: /carried out twice/,
    history: story().lost('a', 'a1', { logged: true }).restart().get('a', 2).put('a', 'a2', { created: false }).get('a', 3)
      .also((told) => told.log('a1', 'a', 'a1')).get('a', 4).history(),
  },
  {
    name: 'unanswered write that comes after a restart has shown that it had not', caughtBy: ['log', 'search'], says: /no place/,
    history: story().lost('a', 'a1').restart().nothing('a').also((told) => told.log('a1', 'a', 'a1')).get('a', 2).history(),
  },
  {
    name: 'seqs in another order than the writes', caughtBy: ['log'], says: /no place/,
    history: story().also((told) => told.log('b1', 'b', 'b1')).put('a', 'a1')
      .tried('b', 'b1', { outcome: { kind: 'written', seq: 2, hash: 'h2', created: true } }).history(),
  },
  {
    name: 'lie about a seq', caughtBy: ['log'], says: /not in the log at its seq/,
    history: story().put('a', 'a1', { seq: 7 }).get('a', 2).history(),
  },
  {
    name: 'lie about a receipt', caughtBy: ['log'], says: /not the hash of its line/,
    history: story().put('a', 'a1', { hash: 'forged' }).history(),
  },
  {
    name: 'phantom delete', caughtBy: ['log', 'search'], says: /asked for by no client/,
    history: story().put('a', 'a1').also((told) => told.log('no client', 'a', null)).nothing('a').history(),
  },
  {
    name: 'refused write that is visible', caughtBy: ['log', 'search'], says: /refused, and in the log/,
    history: story().put('a', 'a1').tried('a', 'a2', { condition: ABSENT, outcome: { kind: 'refused', seq: 2 } })
      .also((told) => told.log('a2', 'a', 'a2')).get('a', 3).history(),
  },
  {
    name: 'rejected write that is visible', caughtBy: ['log', 'search'], says: /rejected, and in the log/,
    history: story().put('a', 'a1').tried('a', 'a2', { outcome: { kind: 'rejected' } })
      .also((told) => told.log('a2', 'a', 'a2')).get('a', 3).history(),
  },
  {
    name: 'conditional write carried out on the wrong version', caughtBy: ['log', 'search'], says: /carried out at version 3/,
    history: story().put('a', 'a1').put('a', 'a2').put('a', 'a3', { condition: at(2, 'a1') }).history(),
  },
  {
    name: 'write of a new key carried out on an old one', caughtBy: ['log', 'search'], says: /carried out at version 2/,
    history: story().put('a', 'a1').put('a', 'a2', { condition: ABSENT, created: false }).history(),
  },
  {
    name: 'write refused although its version is the present one', caughtBy: ['log', 'search'], says: /refused at the version/,
    history: story().put('a', 'a1').tried('a', 'a2', { condition: at(2, 'a1'), outcome: { kind: 'refused', seq: 2 } }).history(),
  },
  {
    name: 'two writes that rest on the same version', caughtBy: ['log', 'search'], says: /carried out at version 3/,
    history: story().put('a', 'a1').put('a', 'a2', { condition: at(2, 'a1'), begin: 10.1, end: 20.1 })
      .put('a', 'a3', { condition: at(2, 'a1'), begin: 10.2, end: 20.2 }).history(),
  },
  {
    name: 'read going back after a restart', caughtBy: ['log', 'search'], says: /no place/,
    history: story().put('a', 'a1').put('a', 'a2').get('a', 3).restart().get('a', 2).history(),
  },
  {
    name: 'write lost at a restart', caughtBy: ['log', 'search'], says: /not in the log as it was read/,
    history: story().put('a', 'a1').get('a', 2).also((told) => told.changes.pop()).restart().nothing('a').history(),
  },
  {
    name: 'log rewritten at a restart', caughtBy: ['log'], says: /changed or lost between two starts/,
    history: story().lost('a', 'a1', { logged: true }).restart()
      .also((told) => told.changes.splice(1, 1, { seq: 2, key: 'a', value: 'a1', hash: 'other', request: 'a1' })).get('a', 2).history(),
  },
  {
    name: 'readers that see two writes in two orders', caughtBy: ['log', 'search'], says: /no place/,
    history: story().put('a', 'a1', { begin: 10.1, end: 20.1, created: true }).put('a', 'a2', { begin: 10.2, end: 20.2 })
      .get('a', 2, { begin: 11.1, end: 12.1 }).get('a', 3, { begin: 13.1, end: 14.1 }).get('a', 2, { begin: 15.1, end: 16.1 }).history(),
  },
  {
    name: 'order broken between two keys', caughtBy: ['log'], says: /no place/,
    history: story().lost('a', 'a1', { begin: 10.1, end: 30.1, logged: true }).put('b', 'b1', { begin: 11.1, end: 12.1 })
      .nothing('a', 'get', { begin: 13.1, end: 14.1 }).history(),
  },
  {
    name: 'new key called an old one', caughtBy: ['log', 'search'], says: /the wrong answer about version 0/,
    history: story().put('a', 'a1', { created: false }).history(),
  },
  {
    name: 'old key called a new one', caughtBy: ['log', 'search'], says: /the wrong answer about version 2/,
    history: story().put('a', 'a1').put('a', 'a2', { created: true }).history(),
  },
  {
    name: 'HEAD that misses a key', caughtBy: ['log', 'search'], says: /no place/,
    history: story().put('a', 'a1').nothing('a', 'head').history(),
  },
  {
    name: 'DELETE that misses a key', caughtBy: ['log', 'search'], says: /no place/,
    history: story().put('a', 'a1').nothing('a', 'delete').history(),
  },
  {
    name: 'key deleted twice', caughtBy: ['log', 'search'], says: /deleted what was not there/,
    history: story().put('a', 'a1').delete('a', 'd1').delete('a', 'd2').history(),
  },
  {
    name: 'unanswered batch of which half is there', caughtBy: ['log'], says: /not carried out with the rest of its batch/,
    history: story().batch('m1', PAIR, { logged: true, has: PAIR.slice(0, 1) }).restart().read({ a: 2, b: 0 }).history(),
  },
  {
    name: 'acknowledged batch of which half is there', caughtBy: ['log', 'search'], says: /not carried out with the rest of its batch/,
    history: story().batch('m1', PAIR, { has: PAIR.slice(0, 1) }).restart().read({ a: 2, b: 0 }).history(),
  },
  {
    name: 'batch whose deletion is left out', caughtBy: ['log'], says: /not carried out with the rest of its batch/,
    history: story().put('b', 'b0').batch('m1', [['a', 'a1'], ['b', null]], { logged: true, has: [['a', 'a1']] }).read({ a: 3, b: 2 })
      .history(),
  },
  {
    name: 'batch in two lines', caughtBy: ['log'], says: /carried out at two places/,
    history: story().batch('m1', PAIR, { isSplit: true }).read({ a: 2, b: 3 }).history(),
  },
  {
    name: 'batch that changes a key more than was asked for', caughtBy: ['log'], says: /another content/,
    history: story().batch('m1', PAIR, { has: [...PAIR, ['c', 'c1']] }).history(),
  },
  {
    name: 'read that sees half of a batch', caughtBy: ['log'], says: /no place/,
    history: story().batch('m1', PAIR, { begin: 10.1, end: 20.1 }).read({ a: 2, b: 0 }, { begin: 11.1, end: 12.1 }).history(),
  },
  {
    name: 'read of two keys, each as of another moment', caughtBy: ['log'], says: /no place/,
    history: story().put('a', 'a1').put('b', 'b1', { begin: 10.1, end: 20.1 }).put('a', 'a2', { begin: 10.2, end: 20.2 })
      .put('b', 'b2', { begin: 10.3, end: 20.3 }).read({ a: 2, b: 5 }, { begin: 10.4, end: 20.4 }).history(),
  },
];
