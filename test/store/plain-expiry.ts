/** What a project with keys that expire should hold, kept as plainly as can be: a Map of entries, and the time when it is asked. */
import assert from 'node:assert/strict';
import type { LogLine } from '../../src/log/log.js';
import type { BatchStep, Command, Expiry, Precondition, StepResult } from '../../src/store/command.js';

/** The entry of a key, which may have expired. */
export interface PlainEntry {
  readonly value: string;
  readonly seq: number;
  readonly expiresAtMs: number | null;
}

/** A write of keys. */
export type Write = Extract<Command, { type: 'set' | 'delete' | 'batch' | 'clear' | 'clear.range' }>;

/** What should come of a command: a line with these fields, an answer without a line, or a refusal. */
export type Expected =
  | { readonly kind: 'line'; readonly op: string; readonly fields: object; readonly created: boolean; readonly count: number;
      readonly steps?: readonly StepResult[]; readonly change: (seq: number) => void }
  | { readonly kind: 'no line'; readonly count: number; readonly steps?: readonly StepResult[] }
  | { readonly kind: 'refused'; readonly code: string };

type Entries = Map<string, PlainEntry>;

/** The project. */
export class PlainExpiry {
  /** With those that have expired and are not removed by a line yet. */
  readonly entries: Entries = new Map();
  nowMs: number;
  /** Keys that the last command was decided on. */
  readonly asked = new Set<string>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  isExpired(key: string): boolean {
    const expiresAtMs = this.entries.get(key)?.expiresAtMs ?? null;
    return expiresAtMs !== null && expiresAtMs <= this.nowMs;
  }

  visible(key: string): PlainEntry | undefined {
    this.asked.add(key);
    return this.isExpired(key) ? undefined : this.entries.get(key);
  }

  visibleKeys(prefix = ''): string[] {
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix) && !this.isExpired(key)).sort();
  }

  /** Applies a line of the server: each of its keys had expired. */
  expire({ timeMs }: LogLine, keys: readonly string[]): void {
    for (const key of keys) {
      const expiresAtMs = this.entries.get(key)?.expiresAtMs ?? null;
      assert.ok(expiresAtMs !== null && expiresAtMs <= timeMs, `"${key}" had expired`);
      this.entries.delete(key);
    }
  }

  /** Says what should come of a command. */
  expect(command: Write): Expected {
    this.asked.clear();
    switch (command.type) {
      case 'set':
        return this.#set(command);
      case 'delete': {
        const entry = this.visible(command.key);
        if (!allows(command.precondition, entry?.seq ?? 0)) return { kind: 'refused', code: 'precondition_failed' };
        if (entry === undefined) return { kind: 'refused', code: 'key_not_found' };
        return line('delete', { key: command.key }, () => this.entries.delete(command.key));
      }
      case 'batch':
        return this.#batch(command.steps);
      case 'clear':
        return this.#clear(command, '');
      case 'clear.range':
        return this.#clear(command, command.range.prefix ?? '');
    }
  }

  #set({ key, value, precondition, expiry }: Extract<Write, { type: 'set' }>): Expected {
    const isAllowed = precondition === undefined || allows(precondition, this.visible(key)?.seq ?? 0);
    if (!isAllowed) return { kind: 'refused', code: 'precondition_failed' };
    if (this.#isPast(expiry)) return { kind: 'refused', code: 'invalid_query' };
    const entry = this.visible(key);
    const expiresAtMs = this.#expiryOf(expiry, entry);
    const set = (seq: number): unknown => this.entries.set(key, { value, seq, expiresAtMs });
    return { ...line(...setLine(key, value, expiresAtMs), set), created: entry === undefined };
  }

  #isPast(expiry: Expiry | undefined): boolean {
    return expiry?.kind === 'at' && expiry.timeMs <= this.nowMs;
  }

  #expiryOf(expiry: Expiry | undefined, before: Pick<PlainEntry, 'expiresAtMs'> | undefined): number | null {
    if (expiry === undefined || expiry.kind === 'never') return null;
    if (expiry.kind === 'keep') return before?.expiresAtMs ?? null;
    return expiry.kind === 'at' ? expiry.timeMs : this.nowMs + expiry.seconds * 1000;
  }

  #clear({ type, expectCount, isDryRun = false }: Extract<Write, { type: 'clear' | 'clear.range' }>, prefix: string): Expected {
    const count = this.visibleKeys(prefix).length;
    const gone = [...this.entries.keys()].filter((key) => key.startsWith(prefix));
    if (expectCount !== undefined && expectCount !== count) return { kind: 'refused', code: 'precondition_failed' };
    if (isDryRun || (type === 'clear.range' && count === 0)) return { kind: 'no line', count };
    const range = type === 'clear' ? {} : { prefix, start: null, end: null };
    return { ...line(type, { ...range, count: gone.length }, () => gone.forEach((key) => this.entries.delete(key))), count };
  }

  /** Takes the steps on a copy: what is left of each key that was changed is the change of the line. */
  #batch(steps: readonly BatchStep[]): Expected {
    for (const step of steps) {
      const mustExist = 'ifExists' in step && step.ifExists === true;
      if (mustExist || step.precondition !== undefined) {
        const seq = this.visible(step.key)?.seq ?? 0;
        if ((mustExist && seq === 0) || !allows(step.precondition, seq)) return { kind: 'refused', code: 'precondition_failed' };
      }
      if ('expiry' in step && this.#isPast(step.expiry)) return { kind: 'refused', code: 'invalid_batch' };
    }
    const left = new Map<string, Omit<PlainEntry, 'seq'> & { readonly isSet: boolean } | 'gone'>();
    const find = (key: string): Omit<PlainEntry, 'seq'> | undefined => {
      const changed = left.get(key);
      return changed === 'gone' ? undefined : changed ?? this.visible(key);
    };
    const results = steps.map((step): StepResult => {
      const { key } = step;
      if (step.op === 'check') return { key, seq: this.visible(key)?.seq ?? 0 };
      const before = find(key);
      const isSet = left.get(key);
      if (step.op !== 'touch' || before !== undefined) left.delete(key);
      if (step.op === 'set') left.set(key, { value: step.value, expiresAtMs: this.#expiryOf(step.expiry, before), isSet: true });
      else if (before !== undefined && step.op === 'touch') {
        const wasSet = typeof isSet === 'object' && isSet.isSet;
        left.set(key, { value: before.value, expiresAtMs: this.#expiryOf(step.expiry, before), isSet: wasSet });
      } else if (step.op === 'delete' && this.visible(key) !== undefined) left.set(key, 'gone');
      return step.op === 'set' ? { key, created: before === undefined } : { key, existed: before !== undefined };
    });
    const ops = [...left].map(([key, after]): readonly [string, object] => {
      if (after === 'gone') return ['delete', { key }];
      if (after.isSet) return setLine(key, after.value, after.expiresAtMs);
      return ['touch', { expires_at: textOf(after.expiresAtMs), key }];
    });
    const change = (seq: number): void => {
      for (const [key, after] of left) {
        if (after === 'gone') this.entries.delete(key);
        else this.entries.set(key, { value: after.value, expiresAtMs: after.expiresAtMs, seq });
      }
    };
    const [first] = ops;
    if (first === undefined) return { kind: 'no line', count: 0, steps: results };
    if (ops.length === 1) return { ...line(...first, change), steps: results };
    return { ...line('batch', { ops: ops.map(([op, fields]) => ({ op, ...fields })) }, change), steps: results };
  }
}

function line(op: string, fields: object, change: (seq: number) => unknown): Extract<Expected, { kind: 'line' }> {
  return { kind: 'line', op, fields, created: false, count: 0, change };
}

function setLine(key: string, value: string, expiresAtMs: number | null): readonly [string, object] {
  const set = { key, value: JSON.parse(value) as unknown };
  return expiresAtMs === null ? ['set', set] : ['set.until', { expires_at: textOf(expiresAtMs), ...set }];
}

function textOf(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

function allows(precondition: Precondition | undefined, version: number): boolean {
  if (precondition === undefined) return true;
  if (precondition.kind === 'never') return false;
  if (precondition.kind === 'absent') return version === 0;
  return version !== 0 && (precondition.seq ?? version) === version;
}
