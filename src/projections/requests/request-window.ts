/**
 * The requests of a project that are remembered, so that one that is sent again takes effect once: what each of them did, by its actor
 * and the key that the client gave it. A read model of the log like the others: rebuilt from its lines, or from a snapshot and the lines
 * after it. Only the fingerprints of what was asked for are not in the log.
 *
 * A request is remembered for a time, by the times of the lines; less long if there are too many of the project, or if those of all
 * projects use too much memory.
 */
import type { ProjectEvent, Recorded } from '../../events/event.js';
import { keysChecksum } from '../../events/keys-checksum.js';
import { RequestBudget } from './request-budget.js';
import { type FoundRequest, type KeptRecords, type RememberedRequest, RequestRecords } from './request-records.js';

/** How much is remembered. */
export interface WindowLimits {
  /** For how long, in milliseconds. */
  readonly ageMsMax: number;
  /** Most requests of a project. */
  readonly requestsMax: number;
  /** Memory shared with other projects. */
  readonly budget: RequestBudget;
}

const DAY_MS = 86_400_000;
const REQUESTS_MAX = 100_000;
const BYTES_MAX = 67_108_864;

/** Records that are given up at once when memory is short. */
const SHRINK_RECORDS = 32;

/** The limits of the contract, with memory of its own. */
function defaultWindowLimits(): WindowLimits {
  return { ageMsMax: DAY_MS, requestsMax: REQUESTS_MAX, budget: new RequestBudget(BYTES_MAX) };
}

/** The remembered requests of one project. */
export class RequestWindow {
  readonly #limits: WindowLimits;
  readonly #records = new RequestRecords();
  #notedBytes = 0;

  constructor(limits: WindowLimits = defaultWindowLimits()) {
    this.#limits = limits;
  }

  /** Number of requests. */
  get count(): number {
    return this.#records.count;
  }

  /** Memory in bytes. */
  get sizeBytes(): number {
    return this.#records.sizeBytes;
  }

  /**
   * Finds a request that is remembered.
   *
   * @param nowMs the time of the line that a new request would get, in milliseconds since 1970
   */
  find(actor: string, key: string, nowMs: number): FoundRequest | undefined {
    const found = this.#records.find(actor, key);
    return found !== undefined && this.#isOver(found.timeMs, nowMs) ? undefined : found;
  }

  /**
   * Remembers the request behind an event, if the event changes data.
   *
   * @param key the key of the request
   * @param count see {@link RememberedRequest.count}
   */
  apply({ event, actor, seq, timeMs, hash }: Recorded<ProjectEvent>, key: string, count: number): void {
    const checksum = keysChecksum(event);
    if (checksum !== undefined) this.add({ actor, key, op: event.op, seq, timeMs, hash, checksum, count });
  }

  /** Adds a request that is newer than all others. */
  add(request: RememberedRequest): void {
    this.#drop(request.timeMs, this.#limits.requestsMax - 1);
    this.#records.add(request);
    this.#note();
  }

  /** Adds the fingerprint of the newest request, unless that was forgotten already. */
  setFingerprint(seq: number, fingerprint: string): void {
    if (this.#records.newestSeq === seq) this.#records.setFingerprint(fingerprint);
  }

  /** Drops what is too old, and the oldest beyond a number. */
  #drop(nowMs: number, countMax: number): void {
    for (;;) {
      const { count, oldestMs } = this.#records;
      if (oldestMs === undefined || (count <= countMax && !this.#isOver(oldestMs, nowMs))) return;
      this.#records.dropOldest();
    }
  }

  #isOver(timeMs: number, nowMs: number): boolean {
    return nowMs - timeMs >= this.#limits.ageMsMax;
  }

  /** Gives up the oldest requests: other projects need the memory. */
  shrink(): void {
    for (let dropped = 0; dropped < SHRINK_RECORDS && this.#records.count > 0; dropped += 1) this.#records.dropOldest();
    this.#notedBytes = this.sizeBytes;
  }

  /** Forgets everything, and gives up its memory: the project is not served any more. */
  clear(): void {
    this.#records.clear();
    this.#note();
  }

  /**
   * Returns the requests for a snapshot.
   *
   * @param nowMs time of the last line, in milliseconds since 1970
   */
  save(nowMs: number): KeptRecords {
    this.#drop(nowMs, this.#limits.requestsMax);
    this.#note();
    return this.#records.keep();
  }

  #note(): void {
    const { sizeBytes } = this;
    if (sizeBytes === this.#notedBytes) return;
    this.#notedBytes = sizeBytes;
    this.#limits.budget.note(this);
  }
}
