/**
 * The records of remembered requests, oldest first: added at one end, dropped at the other, and found by actor and key. A record is a
 * number of bytes in a block, and the table by which it is found holds numbers, so that 100,000 of them burden neither the heap nor the
 * garbage collector.
 */
import { invariant } from '../../base/invariant.js';
import { FINGERPRINT_DIGITS, IDEMPOTENCY_KEY_CHARACTERS_MAX } from '../../events/idempotency.js';
import { secretKeyHash } from '../key-index/key-hash.js';
import { allocateWords } from '../key-index/allocate.js';

/** What was remembered of a request: its effect, and what to compare a repetition with. */
interface RememberedEffect {
  /** Operation of its line. */
  readonly op: string;
  /** Seq, time in milliseconds since 1970, and hash of its line. */
  readonly seq: number;
  readonly timeMs: number;
  readonly hash: string;
  /** See `events/keys-checksum.ts`. */
  readonly checksum: number;
  /**
   * 1 if a `set` or `set.until` created its key; the number of keys that a `clear` or `clear.range` deleted, without those that had
   * expired, or that a `batch` changed; otherwise 0.
   */
  readonly count: number;
}

/** A remembered request. */
export interface RememberedRequest extends RememberedEffect {
  readonly actor: string;
  /** The key that the client gave it. */
  readonly key: string;
}

/** What is found by actor and key. */
export interface FoundRequest extends RememberedEffect {
  /** Of everything that was asked for; undefined if this process did not see the request. */
  readonly fingerprint: string | undefined;
}

const HASH_BYTES = 32;
const FINGERPRINT_BYTES = FINGERPRINT_DIGITS / 2;
const DOUBLE_BYTES = 8;
const WORD_BYTES = 4;

/** Offsets in a record. */
const SEQ_AT = 0;
const TIME_AT = SEQ_AT + DOUBLE_BYTES;
const COUNT_AT = TIME_AT + DOUBLE_BYTES;
const HASH_AT = COUNT_AT + DOUBLE_BYTES;
const FINGERPRINT_AT = HASH_AT + HASH_BYTES;
const CHECKSUM_AT = FINGERPRINT_AT + FINGERPRINT_BYTES;
const TABLE_HASH_AT = CHECKSUM_AT + WORD_BYTES;
const ACTOR_AT = TABLE_HASH_AT + WORD_BYTES;
const OP_AT = ACTOR_AT + WORD_BYTES;
const FLAGS_AT = OP_AT + 1;
const KEY_LENGTH_AT = FLAGS_AT + 1;
const KEY_AT = KEY_LENGTH_AT + 1;
const RECORD_BYTES = KEY_AT + IDEMPOTENCY_KEY_CHARACTERS_MAX;

const HAS_FINGERPRINT = 1;

/** Records of a block: few, since most projects have few requests like these. */
const BLOCK_RECORDS = 32;
const BLOCK_BYTES = BLOCK_RECORDS * RECORD_BYTES;

/** Records are numbered in the order in which they are added, from 0 again after this many. */
const ORDINALS = 2 ** 31;
const TABLE_WORDS_MIN = 64;
/** The table is enlarged beyond this share of its words. */
const TABLE_LOAD_MAX = 0.5;

/** Names that records have in common, such as actors: a number for each, for as long as a record has it. */
class SharedNames {
  readonly #names: string[] = [];
  readonly #uses: number[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];

  get names(): readonly string[] {
    return this.#names;
  }

  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  use(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] ?? 0) + 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#names.length;
    this.#names[number] = name;
    this.#uses[number] = 1;
    this.#numbers.set(name, number);
    return number;
  }

  release(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0) return;
    this.#numbers.delete(this.#names[number] ?? '');
    this.#free.push(number);
  }
}

/** Records as they were at one moment: blocks change at their end only. */
export interface KeptRecords {
  readonly count: number;
  readonly blocks: readonly Buffer[];
  /** Records of the first block that do not belong to it. */
  readonly dropped: number;
  readonly actors: readonly string[];
  readonly ops: readonly string[];
}

/** Returns the requests in records, oldest first. */
export function* requestsIn({ count, blocks, dropped, actors, ops }: KeptRecords): Generator<RememberedRequest> {
  for (let index = dropped; index < dropped + count; index += 1) {
    const block = blocks[Math.floor(index / BLOCK_RECORDS)];
    invariant(block !== undefined, 'a record is in a block');
    const at = (index % BLOCK_RECORDS) * RECORD_BYTES;
    yield { actor: actors[block.readUInt32LE(at + ACTOR_AT)] ?? '', key: keyAt(block, at), ...effectAt(block, at, ops) };
  }
}

/** The records. */
export class RequestRecords {
  readonly #hash = secretKeyHash();
  #actors = new SharedNames();
  #ops = new SharedNames();
  /** Each has {@link BLOCK_RECORDS}; the first records of the first one may be dropped, the last of the last one unused. */
  #blocks: Buffer[] = [];
  /** Records dropped of the first block. */
  #dropped = 0;
  /** Number of the oldest record. */
  #first = 0;
  #count = 0;
  /** Numbers of records, plus one; 0 for none. Open addressing with linear probing, by the hash of the client's key. */
  #table = allocateWords(0);
  /** The hash of the record at each place of the table, so that passing others does not touch their blocks. */
  #hashes = allocateWords(0);

  /** Number of records. */
  get count(): number {
    return this.#count;
  }

  /** Memory in bytes. */
  get sizeBytes(): number {
    return this.#blocks.length * BLOCK_BYTES + this.#table.byteLength + this.#hashes.byteLength;
  }

  /** Time of the oldest record; undefined without any. */
  get oldestMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#blockAt(0).readDoubleLE(this.#offsetAt(0) + TIME_AT);
  }

  /** Seq of the newest record; undefined without any. */
  get newestSeq(): number | undefined {
    const last = this.#count - 1;
    return last < 0 ? undefined : this.#blockAt(last).readDoubleLE(this.#offsetAt(last) + SEQ_AT);
  }

  /**
   * Adds a record. One of the same actor and key is not found any more.
   *
   * @param request its key is one by `events/idempotency.ts`
   */
  add(request: RememberedRequest): void {
    const { actor, key, op, seq, timeMs, hash, checksum, count } = request;
    invariant(key.length <= IDEMPOTENCY_KEY_CHARACTERS_MAX, 'a key fits into its record');
    this.#growTable();
    if ((this.#dropped + this.#count) % BLOCK_RECORDS === 0) this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
    const index = this.#count;
    const block = this.#blockAt(index);
    const at = this.#offsetAt(index);
    const tableHash = this.#hash(key);
    block.writeDoubleLE(seq, at + SEQ_AT);
    block.writeDoubleLE(timeMs, at + TIME_AT);
    block.writeDoubleLE(count, at + COUNT_AT);
    block.write(hash, at + HASH_AT, 'hex');
    block.writeUInt32LE(checksum, at + CHECKSUM_AT);
    block.writeUInt32LE(tableHash, at + TABLE_HASH_AT);
    block.writeUInt32LE(this.#actors.use(actor), at + ACTOR_AT);
    block.writeUInt8(this.#ops.use(op), at + OP_AT);
    block.writeUInt8(0, at + FLAGS_AT);
    block.writeUInt8(key.length, at + KEY_LENGTH_AT);
    block.write(key, at + KEY_AT, 'latin1');
    const place = this.#placeOf(actor, key, tableHash);
    this.#count += 1;
    this.#table[place] = this.#ordinalAt(index) + 1;
    this.#hashes[place] = tableHash;
  }

  /** Adds the fingerprint of the newest record. */
  setFingerprint(fingerprint: string): void {
    invariant(this.#count > 0 && fingerprint.length === FINGERPRINT_DIGITS, 'a record gets its fingerprint');
    const block = this.#blockAt(this.#count - 1);
    const at = this.#offsetAt(this.#count - 1);
    block.write(fingerprint, at + FINGERPRINT_AT, 'hex');
    block.writeUInt8(HAS_FINGERPRINT, at + FLAGS_AT);
  }

  /** Finds the newest record of an actor and a key. */
  find(actor: string, key: string): FoundRequest | undefined {
    if (this.#count === 0 || this.#actors.numberOf(actor) === undefined) return undefined;
    const ordinal = this.#table[this.#placeOf(actor, key, this.#hash(key))] ?? 0;
    if (ordinal === 0) return undefined;
    const index = this.#indexOf(ordinal - 1);
    const block = this.#blockAt(index);
    const at = this.#offsetAt(index);
    const start = at + FINGERPRINT_AT;
    const hasFingerprint = block.readUInt8(at + FLAGS_AT) === HAS_FINGERPRINT;
    const fingerprint = hasFingerprint ? block.toString('hex', start, start + FINGERPRINT_BYTES) : undefined;
    return { ...effectAt(block, at, this.#ops.names), fingerprint };
  }

  /** Drops the oldest record. */
  dropOldest(): void {
    invariant(this.#count > 0, 'there is a record to drop');
    const block = this.#blockAt(0);
    const at = this.#offsetAt(0);
    this.#forget(this.#first + 1, block.readUInt32LE(at + TABLE_HASH_AT));
    this.#actors.release(block.readUInt32LE(at + ACTOR_AT));
    this.#ops.release(block.readUInt8(at + OP_AT));
    this.#first = (this.#first + 1) % ORDINALS;
    this.#count -= 1;
    this.#dropped += 1;
    if (this.#count === 0) this.clear();
    if (this.#dropped < BLOCK_RECORDS) return;
    this.#blocks.shift();
    this.#dropped = 0;
  }

  /** Drops all records, and their memory. */
  clear(): void {
    this.#actors = new SharedNames();
    this.#ops = new SharedNames();
    this.#blocks = [];
    this.#table = allocateWords(0);
    this.#hashes = allocateWords(0);
    this.#dropped = 0;
    this.#count = 0;
  }

  /** Returns the records as they are now. */
  keep(): KeptRecords {
    const blocks = [...this.#blocks];
    return { count: this.#count, blocks, dropped: this.#dropped, actors: [...this.#actors.names], ops: [...this.#ops.names] };
  }

  #blockAt(index: number): Buffer {
    const block = this.#blocks[Math.floor((this.#dropped + index) / BLOCK_RECORDS)];
    invariant(block !== undefined, 'a record is in a block');
    return block;
  }

  #offsetAt(index: number): number {
    return ((this.#dropped + index) % BLOCK_RECORDS) * RECORD_BYTES;
  }

  #ordinalAt(index: number): number {
    return (this.#first + index) % ORDINALS;
  }

  #indexOf(ordinal: number): number {
    return (ordinal - this.#first + ORDINALS) % ORDINALS;
  }

  /** The place in the table of an actor's key, or the free one where it belongs. */
  #placeOf(actor: string, key: string, tableHash: number): number {
    const mask = this.#table.length - 1;
    for (let place = tableHash & mask; ; place = (place + 1) & mask) {
      const ordinal = this.#table[place] ?? 0;
      if (ordinal === 0) return place;
      if (this.#hashes[place] !== tableHash) continue;
      const index = this.#indexOf(ordinal - 1);
      const block = this.#blockAt(index);
      const at = this.#offsetAt(index);
      if (keyAt(block, at) !== key) continue;
      if (this.#actors.names[block.readUInt32LE(at + ACTOR_AT)] === actor) return place;
    }
  }

  /** Takes a number out of the table, unless a newer record has its place, and closes the gap. */
  #forget(ordinal: number, tableHash: number): void {
    const table = this.#table;
    const hashes = this.#hashes;
    const mask = table.length - 1;
    let gap = tableHash & mask;
    while (table[gap] !== ordinal) {
      if (table[gap] === 0) return;
      gap = (gap + 1) & mask;
    }
    table[gap] = 0;
    for (let place = (gap + 1) & mask; table[place] !== 0; place = (place + 1) & mask) {
      const hash = hashes[place] ?? 0;
      const home = hash & mask;
      // It may move to the gap if its way from home leads over it.
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      table[gap] = table[place] ?? 0;
      hashes[gap] = hash;
      table[place] = 0;
      gap = place;
    }
  }

  #growTable(): void {
    if (this.#count + 1 <= this.#table.length * TABLE_LOAD_MAX) return;
    const old = this.#table;
    const table = allocateWords(Math.max(TABLE_WORDS_MIN, old.length * 2));
    const hashes = allocateWords(table.length);
    const mask = table.length - 1;
    for (const [from, ordinal] of old.entries()) {
      if (ordinal === 0) continue;
      const hash = this.#hashes[from] ?? 0;
      let place = hash & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = ordinal;
      hashes[place] = hash;
    }
    this.#table = table;
    this.#hashes = hashes;
  }
}

function keyAt(block: Buffer, at: number): string {
  const start = at + KEY_AT;
  return block.toString('latin1', start, start + block.readUInt8(at + KEY_LENGTH_AT));
}

function effectAt(block: Buffer, at: number, ops: readonly string[]): RememberedEffect {
  return {
    op: ops[block.readUInt8(at + OP_AT)] ?? '',
    seq: block.readDoubleLE(at + SEQ_AT),
    timeMs: block.readDoubleLE(at + TIME_AT),
    hash: block.toString('hex', at + HASH_AT, at + HASH_AT + HASH_BYTES),
    checksum: block.readUInt32LE(at + CHECKSUM_AT),
    count: block.readDoubleLE(at + COUNT_AT),
  };
}
