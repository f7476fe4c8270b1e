/**
 * The state on which the commands of a batch are decided: the durable state plus the earlier decisions of the batch. Readers never see it.
 */
import { invariant } from '../base/invariant.js';
import { type KeyChanged, keyChangesOf, type ProjectEvent } from '../events/event.js';
import type { KeyRange } from '../events/key-range.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { ProjectModel } from '../projections/project-model.js';
import type { DecisionState } from './decide.js';

/** The state of a batch while it is decided. */
export class BatchState implements DecisionState {
  readonly #model: ProjectModel;
  /** Versions of the keys that the batch has changed; 0 for deleted ones. */
  readonly #versions = new Map<string, number>();
  /** True once the batch has cleared all keys: the durable values no longer count. */
  #isCleared = false;
  #keyCount: number;
  #settings: ProjectSettings | undefined;
  #keyId: string | null;
  #nextSeq: number;

  constructor(model: ProjectModel) {
    this.#model = model;
    this.#keyCount = model.values.count;
    this.#settings = model.state.newest?.settings;
    this.#keyId = model.state.newest?.keyId ?? null;
    this.#nextSeq = model.lastSeq + 1;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  get settings(): ProjectSettings | undefined {
    return this.#settings;
  }

  get keyId(): string | null {
    return this.#keyId;
  }

  versionOf(key: string): number {
    const version = this.#versions.get(key);
    if (version !== undefined) return version;
    return this.#isCleared ? 0 : this.#model.values.versionOf(key);
  }

  tagOf(key: string): number | undefined {
    return this.#versions.has(key) ? undefined : this.#model.values.tagOf(key);
  }

  countIn(range: KeyRange): number {
    invariant(this.#versions.size === 0 && !this.#isCleared, 'keys of a range are counted before anything else of the batch is decided');
    return this.#model.values.countIn(range);
  }

  /** Seq of the last line, were the batch to end here. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  #addChange({ op, key }: KeyChanged): void {
    if (op === 'delete') this.#keyCount -= 1;
    else if (this.versionOf(key) === 0) this.#keyCount += 1;
    this.#versions.set(key, op === 'delete' ? 0 : this.#nextSeq);
  }

  /** Adds the event of the last decision. */
  add(event: ProjectEvent): void {
    if (event.op === 'clear') {
      this.#versions.clear();
      this.#isCleared = true;
      this.#keyCount = 0;
    } else if ('settings' in event) {
      this.#settings = event.settings;
      this.#keyId = event.key_id;
    }
    for (const change of keyChangesOf(event)) this.#addChange(change);
    this.#nextSeq += 1;
  }
}
