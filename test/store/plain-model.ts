/** What a project should hold, kept as plainly as can be: a Map, a counter, and a list of what to expect. */
import type { ErrorCode } from '../../src/base/error-codes.js';
import type { KeyRange } from '../../src/events/key-range.js';
import { mergeSettings, type ProjectSettings } from '../../src/events/project-settings.js';
import type { BatchStep, Command, Precondition, StepResult } from '../../src/store/command.js';
import { isWithin } from '../events/plain-range.js';

/** What should come of a command. */
export type Expected =
  | { readonly seq: number; readonly created: boolean; readonly count: number; readonly steps?: readonly StepResult[] }
  | { readonly code: ErrorCode; readonly currentSeq: number | undefined };

/** A key's value and version. */
export interface PlainEntry {
  readonly value: string;
  readonly seq: number;
}

/** The project of a test by model. Its keys do not expire; `plain-expiry.ts` is the model of those that do. */
export class PlainModel {
  readonly entries = new Map<string, PlainEntry>();
  settings: ProjectSettings;
  keyId: string | null = null;
  /** The last seq; 1 is the creation. */
  seq = 1;
  /** The seq of the newest event about settings. */
  revision = 1;

  constructor(settings: ProjectSettings) {
    this.settings = settings;
  }

  versionOf(key: string): number {
    return this.entries.get(key)?.seq ?? 0;
  }

  /** Keys in the order of their bytes. */
  sortedKeys(): string[] {
    return [...this.entries.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /** Carries out a command, and says what the store should answer. */
  carryOut(command: Exclude<Command, { type: 'project.create' | 'expire' | 'revert' | 'redact' }>): Expected {
    switch (command.type) {
      case 'set':
      case 'delete':
        return this.#change(command);
      case 'batch':
        return this.#batch(command.steps);
      case 'clear':
        return this.#clear(command, {});
      case 'clear.range':
        return this.#clear(command, command.range);
      case 'project.update':
        this.settings = mergeSettings(this.settings, command.change);
        if (command.keyId !== undefined) this.keyId = command.keyId;
        return this.#acceptProjectEvent();
      case 'project.key':
        this.keyId = command.keyId;
        return this.#acceptProjectEvent();
      case 'access':
        return this.#acceptProjectEvent();
    }
  }

  #clear({ type, expectCount, isDryRun = false }: Extract<Command, { type: 'clear' | 'clear.range' }>, range: KeyRange): Expected {
    const gone = [...this.entries.keys()].filter((key) => isWithin(key, range));
    const count = gone.length;
    if (expectCount !== undefined && expectCount !== count) return { code: 'precondition_failed', currentSeq: undefined };
    if (isDryRun || (type === 'clear.range' && count === 0)) return { seq: this.seq, created: false, count };
    for (const key of gone) this.entries.delete(key);
    return this.#accept({ count });
  }

  #change(command: Extract<Command, { type: 'set' | 'delete' }>): Expected {
    const version = this.versionOf(command.key);
    if (!allows(command.precondition, version)) return { code: 'precondition_failed', currentSeq: version };
    if (command.type === 'delete') {
      if (!this.entries.delete(command.key)) return { code: 'key_not_found', currentSeq: undefined };
      return this.#accept({});
    }
    const refused = this.#refuseGrowth(() => this.entries.set(command.key, { value: command.value, seq: 0 }));
    if (refused !== undefined) return refused;
    const expected = this.#accept({ created: version === 0 });
    this.entries.set(command.key, { value: command.value, seq: this.seq });
    return expected;
  }

  #batch(steps: readonly BatchStep[]): Expected {
    const before = new Map(this.entries);
    const seq = this.seq + 1;
    for (const { key, ...step } of steps) {
      const version = before.get(key)?.seq ?? 0;
      const isMissing = step.op === 'delete' && step.ifExists === true && version === 0;
      if (isMissing || !allows(step.precondition, version)) return { code: 'precondition_failed', currentSeq: version };
    }
    const refused = this.#refuseGrowth(() => {
      for (const step of steps) {
        if (step.op === 'delete') this.entries.delete(step.key);
        if (step.op === 'set') this.entries.set(step.key, { value: step.value, seq: 0 });
      }
    });
    if (refused !== undefined) return refused;
    const results = steps.map((step): StepResult => {
      const { key } = step;
      if (step.op === 'check') return { key, seq: before.get(key)?.seq ?? 0 };
      if (step.op !== 'set') return { key, existed: this.entries.delete(key) };
      const created = !this.entries.has(key);
      this.entries.set(key, { value: step.value, seq });
      return { key, created };
    });
    const isSet = [...this.entries.values()].some((entry) => entry.seq === seq);
    if (isSet || [...before.keys()].some((key) => !this.entries.has(key))) this.seq = seq;
    return { seq: this.seq, created: false, count: 0, steps: results };
  }

  /** Size of all keys and values in bytes. */
  contentBytes(): number {
    return [...this.entries].reduce((sum, [key, { value }]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  }

  /** Makes a change, and takes it back: does it grow beyond a quota? */
  #refuseGrowth(change: () => void): Expected | undefined {
    const { max_keys: keysMax, max_bytes: bytesMax } = this.settings.quota;
    const before = { entries: [...this.entries], keys: this.entries.size, bytes: this.contentBytes() };
    change();
    const [keys, bytes] = [this.entries.size, this.contentBytes()];
    this.entries.clear();
    for (const [key, entry] of before.entries) this.entries.set(key, entry);
    const isOverKeys = keysMax !== null && keys > before.keys && keys > keysMax;
    const isOverBytes = bytesMax !== null && bytes > before.bytes && bytes > bytesMax;
    return isOverKeys || isOverBytes ? { code: 'quota_exceeded', currentSeq: undefined } : undefined;
  }

  #acceptProjectEvent(): Expected {
    const expected = this.#accept({});
    this.revision = this.seq;
    return expected;
  }

  #accept(effect: { readonly created?: boolean; readonly count?: number }): Expected {
    this.seq += 1;
    return { seq: this.seq, created: effect.created ?? false, count: effect.count ?? 0 };
  }
}

function allows(precondition: Precondition | undefined, version: number): boolean {
  if (precondition === undefined) return true;
  if (precondition.kind === 'never') return false;
  if (precondition.kind === 'absent') return version === 0;
  return version !== 0 && (precondition.seq ?? version) === version;
}
