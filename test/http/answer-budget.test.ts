import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/base/app-error.js';
import type { Clock } from '../../src/base/clock.js';
import { AnswerBudget } from '../../src/http/answer-budget.js';
import { suite } from '../suite.js';

const test = suite('answer-budget');

const LONG_MS = 60_000;
const SHORT_MS = 20;

/** A clock that a test sets. */
class TurnedClock implements Clock {
  nowMs = 0;
  wallMs(): number {
    return this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}

/** A budget of 100 bytes. */
function makeBudget(times: { waitMs?: number; stallMs?: number } = {}): { budget: AnswerBudget; clock: TurnedClock; cut: string[] } {
  const clock = new TurnedClock();
  return { budget: new AnswerBudget({ bytesMax: 100, waitMs: LONG_MS, stallMs: LONG_MS, ...times, clock }), clock, cut: [] };
}

/** The reservation of one answer. */
interface OpenAnswer {
  readonly heldBytes: number;
  take(bytes: number): Promise<void> | undefined;
  awaitReader(): void;
  readerTook(): void;
  release(): void;
}

function open(budget: AnswerBudget, caller: string, onCut: () => void = () => undefined): OpenAnswer {
  const reservation = budget.open(caller, () => {
    onCut();
    budget.release(reservation);
  });
  return {
    get heldBytes() {
      return reservation.heldBytes;
    },
    take: (bytes) => budget.take(reservation, bytes),
    awaitReader: () => budget.awaitReader(reservation),
    readerTook: () => budget.readerTook(reservation),
    release: () => budget.release(reservation),
  };
}

/** Watches an answer that waits. */
function watch(waiting: Promise<void> | undefined): { outcome: string } {
  const watched = { outcome: waiting === undefined ? 'at once' : 'waiting' };
  waiting?.then(() => void (watched.outcome = 'granted'), (error: unknown) => {
    watched.outcome = error instanceof AppError ? error.code : 'other';
  });
  return watched;
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('free memory is reserved at once, and released memory is available to others', async () => {
  const { budget } = makeBudget();
  const [a, b, c] = [open(budget, 'a'), open(budget, 'b'), open(budget, 'c')];
  assert.deepEqual([a.take(50), b.take(50), budget.heldBytes], [undefined, undefined, 100]);
  const waiting = watch(c.take(10));
  await settle();
  assert.equal(waiting.outcome, 'waiting');
  a.release();
  await settle();
  assert.deepEqual([waiting.outcome, budget.heldBytes, budget.waitingCount], ['granted', 60, 0]);
  assert.equal(c.take(10), undefined);
});

test('one caller holds at most half, and does not block other callers', async () => {
  const { budget } = makeBudget();
  const mine = [open(budget, 'a'), open(budget, 'a')];
  assert.equal(mine[0]?.take(40), undefined);
  const more = watch(mine[1]?.take(20));
  await settle();
  assert.equal(more.outcome, 'waiting');
  assert.equal(open(budget, 'b').take(50), undefined);
  mine[0]?.release();
  await settle();
  assert.equal(more.outcome, 'granted');
});

test('waiting answers are served in order, and small ones do not overtake a large one indefinitely', async () => {
  const { budget } = makeBudget();
  const holders = ['a', 'b'].map((caller) => open(budget, caller));
  for (const holder of holders) assert.equal(holder.take(45), undefined);
  const large = watch(open(budget, 'c').take(50));
  const small = watch(open(budget, 'd').take(10));
  await settle();
  assert.deepEqual([large.outcome, small.outcome], ['waiting', 'waiting']);
  holders[0]?.release();
  await settle();
  assert.deepEqual([large.outcome, small.outcome], ['granted', 'waiting']);
  holders[1]?.release();
  await settle();
  assert.equal(small.outcome, 'granted');
});

test('an answer larger than the whole budget fits alone', async () => {
  const { budget } = makeBudget();
  const [large, other] = [open(budget, 'a'), open(budget, 'b')];
  assert.equal(large.take(1000), undefined);
  const waiting = watch(other.take(1));
  await settle();
  assert.equal(waiting.outcome, 'waiting');
  large.release();
  await settle();
  assert.equal(waiting.outcome, 'granted');
});

test('an answer that needs more holds nothing while it waits, and one that needs less releases the rest', async () => {
  const { budget } = makeBudget();
  const [a, b] = [open(budget, 'a'), open(budget, 'b')];
  assert.deepEqual([a.take(40), b.take(40)], [undefined, undefined]);
  const growing = watch(a.take(80));
  assert.deepEqual([a.heldBytes, budget.heldBytes], [0, 40]);
  assert.equal(b.take(20), undefined);
  // The waiting answer fits beside the rest, because its caller holds nothing else.
  assert.deepEqual([a.heldBytes, b.heldBytes, budget.heldBytes], [80, 20, 100]);
  await settle();
  assert.equal(growing.outcome, 'granted');
});

test('after the longest wait an answer is refused as busy, and holds nothing', async () => {
  const { budget } = makeBudget({ waitMs: SHORT_MS });
  assert.equal(open(budget, 'a').take(100), undefined);
  const waiting = watch(open(budget, 'b').take(10));
  // The timer of a wait does not keep the process alive; this does.
  await sleep(SHORT_MS * 10);
  assert.deepEqual([waiting.outcome, budget.waitingCount, budget.heldBytes], ['busy', 0, 100]);
});

test('an answer whose connection closes while it waits never reserves memory', async () => {
  const { budget } = makeBudget();
  const holder = open(budget, 'a');
  assert.equal(holder.take(100), undefined);
  const room = open(budget, 'b');
  const waiting = watch(room.take(10));
  room.release();
  await settle();
  assert.deepEqual([waiting.outcome, budget.waitingCount], ['busy', 0]);
  const again = watch(room.take(1));
  holder.release();
  await settle();
  assert.deepEqual([again.outcome, budget.heldBytes], ['busy', 0]);
});

test('a stalled reader is cut off once others wait, and an active one is not', async () => {
  const { budget, clock, cut } = makeBudget({ stallMs: SHORT_MS });
  const [stalled, reading, working] = ['a', 'b', 'c'].map((caller) => open(budget, caller, () => cut.push(caller)));
  for (const room of [stalled, reading, working]) assert.equal(room?.take(30), undefined);
  for (const room of [stalled, reading]) room?.awaitReader();
  clock.nowMs = SHORT_MS * 5;
  await sleep(SHORT_MS * 5);
  assert.deepEqual(cut, [], 'nothing waits');
  reading?.readerTook();
  reading?.awaitReader();
  const waiting = watch(open(budget, 'd').take(40));
  await sleep(SHORT_MS * 10);
  assert.deepEqual([cut, waiting.outcome], [['a'], 'granted']);
});

test('a caller that waits for its own share has only its own readers cut off', async () => {
  const { budget, clock, cut } = makeBudget({ stallMs: SHORT_MS });
  const rooms = ['a', 'b'].map((caller) => open(budget, caller, () => cut.push(caller)));
  for (const room of rooms) {
    assert.equal(room.take(40), undefined);
    room.awaitReader();
  }
  clock.nowMs = SHORT_MS * 5;
  const waiting = watch(open(budget, 'a').take(20));
  await sleep(SHORT_MS * 10);
  assert.deepEqual([cut, waiting.outcome], [['a'], 'granted']);
});

test('an answer that gave up waiting no longer blocks those behind it', async () => {
  const { budget } = makeBudget({ waitMs: SHORT_MS });
  const [a, b, large, small] = [open(budget, 'a'), open(budget, 'b'), open(budget, 'c'), open(budget, 'd')];
  assert.deepEqual([a.take(50), b.take(10)], [undefined, undefined]);
  const [waitingLarge, waitingSmall] = [watch(large.take(50)), watch(small.take(10))];
  await settle();
  assert.deepEqual([waitingLarge.outcome, waitingSmall.outcome], ['waiting', 'waiting']);
  await sleep(SHORT_MS * 5);
  assert.deepEqual([waitingLarge.outcome, waitingSmall.outcome], ['busy', 'granted']);
});

test('memory that grows is given to those that wait, and memory that shrinks is not taken from anyone', async () => {
  const { budget } = makeBudget();
  const [a, b, c] = [open(budget, 'a'), open(budget, 'b'), open(budget, 'c')];
  assert.deepEqual([a.take(50), b.take(50)], [undefined, undefined]);
  const waiting = watch(c.take(50));
  await settle();
  assert.equal(waiting.outcome, 'waiting');
  budget.resize(200);
  await settle();
  assert.deepEqual([waiting.outcome, budget.heldBytes], ['granted', 150]);
  budget.resize(60);
  assert.equal(budget.heldBytes, 150);
  const next = watch(open(budget, 'd').take(20));
  await settle();
  assert.equal(next.outcome, 'waiting');
});

test.run();
