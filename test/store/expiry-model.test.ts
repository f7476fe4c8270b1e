/** Random histories of keys that expire, on a clock that jumps, beside a plain model. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AppError } from '../../src/base/app-error.js';
import { decodeEvent } from '../../src/events/codec.js';
import type { ProjectEvent } from '../../src/events/event.js';
import type { Log, LogLine } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import type { BatchStep, CommandResult, Expiry, Precondition } from '../../src/store/command.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { CONTEXT, create } from './created-store.js';
import { type Expected, PlainExpiry, type Write } from './plain-expiry.js';

const test = suite('expiry-model');

const KEYS = ['a', 'ab', 'b', 'c'];
const SECOND_MS = 1000;
const DAY_MS = 86_400_000;

/** A store over a log in memory that can be started again, as after a crash. */
class System {
  readonly clock = new ManualClock();
  readonly #log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef', clock: this.clock });
  #session = { isOver: false };
  store = this.#openOn(new ProjectModel());
  /** Time of the project, without drawing it from the clock of the log: it must not be held back for the model's sake. */
  get nowMs(): number {
    return this.#log.clock.now();
  }

  /** The sweeper of a store that has ended writes no more. */
  #openOn(model: ProjectModel): ProjectStore {
    this.#session.isOver = true;
    const session = { isOver: false };
    this.#session = session;
    const log = new Proxy<Log>(this.#log, {
      get: (target, name): unknown => {
        if (name === 'state') return () => (session.isOver ? 'closed' : target.state());
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    return new ProjectStore({ log, model });
  }

  async linesAfter(seq: number): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    for await (const line of this.#log.read({ fromSeq: seq + 1 })) lines.push(line);
    return lines;
  }

  async restart(): Promise<void> {
    const model = new ProjectModel();
    for (const line of await this.linesAfter(0)) {
      const event = decodeEvent(line.op, line.body) as ProjectEvent;
      model.apply({ event, seq: line.seq, timeMs: line.timeMs, hash: line.hash, actor: line.actor });
    }
    assert.equal(model.values.keySum, this.store.values.keySum);
    this.store = this.#openOn(model);
  }
}

function fieldsOf({ body }: LogLine): object {
  return JSON.parse(`{${body}}`) as object;
}

/** Compares the answers of commands that were given together, and the lines that they made, with what a model expects. */
class Checker {
  readonly model: PlainExpiry;
  readonly #system: System;
  #seq = 1;
  /** That of the last line which was not the server's. */
  #seqOfCommands = 1;

  constructor(system: System) {
    this.#system = system;
    this.model = new PlainExpiry(system.nowMs);
  }

  async carryOut(commands: readonly Write[]): Promise<void> {
    const { store } = this.#system;
    this.model.nowMs = this.#system.nowMs;
    const given = commands.map(async (command) => await store.submit(command, CONTEXT).catch((error: unknown) => error));
    const answers = await Promise.all(given);
    const lines = await this.#system.linesAfter(this.#seq);
    for (const [index, command] of commands.entries()) {
      this.#applyExpired(lines);
      const expected = this.model.expect(command);
      for (const key of this.model.asked) assert.ok(!this.model.isExpired(key), `the expiry of "${key}" is in the log before its use`);
      this.#compare(expected, answers[index], lines);
    }
    this.#applyExpired(lines);
    assert.deepEqual(lines, []);
  }

  /** Lines of the server may come at any time. */
  #applyExpired(lines: LogLine[]): void {
    while (lines[0]?.op === 'expire') {
      const [line] = lines.splice(0, 1) as [LogLine];
      assert.deepEqual([line.actor, line.request], ['server', '']);
      this.model.expire(line, (fieldsOf(line) as { keys: string[] }).keys);
      this.#seq = line.seq;
    }
  }

  #compare(expected: Expected, answer: unknown, lines: LogLine[]): void {
    if (expected.kind === 'refused') {
      assert.equal(answer instanceof AppError ? answer.code : answer, expected.code);
      return;
    }
    assert.ok(!(answer instanceof Error), String(answer));
    const { seq, hash, created, count, steps } = answer as CommandResult;
    assert.deepEqual({ count, steps }, { count: expected.count, steps: expected.steps });
    if (expected.kind === 'no line') {
      // Lines of the server that come before the next command have been applied already.
      assert.ok(seq >= this.#seqOfCommands && seq <= this.#seq && hash === undefined, `seq ${seq} without a line`);
      return;
    }
    const [line] = lines.splice(0, 1);
    assert.ok(line !== undefined);
    assert.deepEqual([line.op, fieldsOf(line), line.timeMs], [expected.op, expected.fields, this.model.nowMs]);
    assert.deepEqual([seq, hash, created], [line.seq, line.hash, expected.created]);
    expected.change(line.seq);
    this.#seq = line.seq;
    this.#seqOfCommands = line.seq;
  }

  async sweep(): Promise<void> {
    this.model.nowMs = this.#system.nowMs;
    await this.#system.store.submit({ type: 'expire' }, { actor: 'server', requestId: '' });
    this.#applyExpired(await this.#system.linesAfter(this.#seq));
    for (const key of KEYS) assert.ok(!this.model.isExpired(key));
  }

  /** Compares all that a reader sees. */
  async compareAll(): Promise<void> {
    const { model } = this;
    const { reads, values } = this.#system.store;
    model.nowMs = this.#system.nowMs;
    this.#applyExpired(await this.#system.linesAfter(this.#seq));
    const keys = model.visibleKeys();
    const shown = (await reads.readPiece({}, KEYS.length)).entries;
    assert.deepEqual(
      shown.map(([key, { value, seq, expiresAtMs }]) => [key, { value, seq, expiresAtMs }]),
      keys.map((key) => [key, model.entries.get(key)]),
    );
    for (const key of KEYS) assert.equal(reads.get(key)?.seq, model.visible(key)?.seq);
    assert.deepEqual(await reads.readNames({ reverse: true }, 2), [...keys].reverse().slice(0, 2));
    const counts = [keys.length, model.visibleKeys('a').length, model.entries.size];
    assert.deepEqual([reads.count, reads.countIn({ prefix: 'a' }), values.count], counts);
    const bytes = [...model.entries].reduce((sum, [one, { value: text }]) => sum + one.length + text.length, 0);
    assert.equal(values.contentBytes, bytes);
  }
}

const key = fc.constantFrom(...KEYS);
const value = fc.nat({ max: 9 }).map(String);
/** Times are relative to the moment of the command. */
type When = { readonly kind: 'in'; readonly ms: number } | Exclude<Expiry, { kind: 'at' }>;
const expiry = fc.oneof(
  fc.constantFrom(1, 2, 5).map((seconds): When => ({ kind: 'after', seconds })),
  fc.constantFrom(-1000, 0, 1, 1500, 90_000).map((ms): When => ({ kind: 'in', ms })),
  fc.constantFrom<When>({ kind: 'keep' }, { kind: 'never' }),
);
const condition = fc.constantFrom<Precondition | undefined>(undefined, undefined, undefined, { kind: 'absent' }, { kind: 'match' });

const step = fc.record({
  op: fc.constantFrom('check', 'set', 'set', 'delete', 'touch', 'touch'), key, value, expiry, condition, must: fc.boolean(),
});
const limits = { expectCount: fc.option(fc.nat({ max: 3 })), isDryRun: fc.boolean() };
const wish = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('set' as const), key, value, expiry: fc.option(expiry), condition }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('delete' as const), key, condition }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('batch' as const), steps: fc.array(step, { minLength: 1, maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('clear' as const), ...limits }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('range' as const), ...limits }) },
);
const action = fc.oneof(
  { weight: 6, arbitrary: fc.array(wish, { minLength: 1, maxLength: 4 }).map((wishes) => ({ kind: 'write' as const, wishes })) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(1, 500, 999, 1000, 2000, 5000, -1000, -30_000, -61_000, DAY_MS, -DAY_MS)
      .map((ms) => ({ kind: 'clock' as const, ms })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'sweep' as const }) },
);

type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

function expiryAt(nowMs: number, when: When): Expiry {
  return when.kind === 'in' ? { kind: 'at', timeMs: nowMs + when.ms } : when;
}

function commandOf(nowMs: number, one: Wish): Write {
  const when = (precondition: Precondition | undefined): object => (precondition === undefined ? {} : { precondition });
  switch (one.type) {
    case 'set':
      return {
        type: 'set', key: one.key, value: one.value, ...when(one.condition),
        ...(one.expiry === null ? {} : { expiry: expiryAt(nowMs, one.expiry) }),
      };
    case 'delete':
      return { type: 'delete', key: one.key, ...when(one.condition) };
    case 'batch':
      return {
        type: 'batch',
        steps: one.steps.map(({ op, key: name, value: text, expiry: until, condition: precondition, must }): BatchStep => {
          if (op === 'check') return { op, key: name, precondition: precondition ?? { kind: 'match' } };
          if (op === 'set') return { op, key: name, value: text, expiry: expiryAt(nowMs, until), ...when(precondition) };
          if (op === 'delete') return { op, key: name, ifExists: must, ...when(precondition) };
          const wanted = until.kind === 'keep' ? { kind: 'never' as const } : expiryAt(nowMs, until);
          return { op: 'touch', key: name, expiry: wanted, ifExists: must, ...when(precondition) };
        }),
      };
    case 'clear':
      return { type: 'clear', isDryRun: one.isDryRun, ...(one.expectCount === null ? {} : { expectCount: one.expectCount }) };
    case 'range':
      return {
        type: 'clear.range', range: { prefix: 'a' }, isDryRun: one.isDryRun,
        ...(one.expectCount === null ? {} : { expectCount: one.expectCount }),
      };
  }
}

test('keys expire by the clock of the log, whatever is written, however the clock jumps, and after a restart at every step', async () => {
  const histories = fc.array(action, { minLength: 2, maxLength: 14, size: 'max' });
  await fc.assert(fc.asyncProperty(histories, async (actions) => {
    const system = new System();
    await system.store.submit(create(), CONTEXT);
    const checker = new Checker(system);
    for (const one of actions) {
      if (one.kind === 'clock') system.clock.setWall(system.clock.wallMs() + one.ms);
      else if (one.kind === 'sweep') await checker.sweep();
      else await checker.carryOut(one.wishes.map((wanted) => commandOf(system.nowMs, wanted)));
      await checker.compareAll();
      await system.restart();
      await checker.compareAll();
    }
  }), { numRuns: inForm({ short: 300, long: 10_000 }) });
});

test('a clock that is set back by less than a minute brings no expired key back', async () => {
  const system = new System();
  await system.store.submit(create(), CONTEXT);
  await system.store.submit({ type: 'set', key: 'a', value: '1', expiry: { kind: 'after', seconds: 1 } }, CONTEXT);
  system.clock.advance(SECOND_MS);
  assert.equal(system.store.reads.get('a'), undefined);
  system.clock.setWall(system.clock.wallMs() - 30 * SECOND_MS);
  assert.equal(system.store.reads.get('a'), undefined);
});

test.run();
