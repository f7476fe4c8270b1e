/** A descriptor takes a text, a part of it, or nothing for a while, or fails: texts stay in order, and nothing ends the process. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsoleOutput, type ConsoleOutputOptions, UnshownTextError } from '../../src/cli/console-output.js';
import { suite } from '../suite.js';

const test = suite('console-output');

/** How long a failing descriptor may rest until it is tried again. */
const RETRY_LIMIT_MS = 5000;
const POLL_MS = 5;
const ERRORS = ['ENOSPC', 'EDQUOT', 'EPIPE', 'EIO', 'EFBIG', 'EBADF', 'ENXIO'] as const;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as made, write`), { code, errno: -1, syscall: 'write' });
}

/** A descriptor that does what a test says, and what was reported. */
class FakeDescriptor {
  taken = '';
  /** Thrown by each write until it is undefined. */
  fault: string | undefined;
  /** Bytes that are taken before it is full. */
  room = Number.POSITIVE_INFINITY;
  /** What a write says while there is no room. */
  fullCode = 'EAGAIN';
  calls = 0;
  readonly failures: string[] = [];
  readonly dropped: number[] = [];

  open(options: ConsoleOutputOptions = {}): ConsoleOutput {
    const output: ConsoleOutput = new ConsoleOutput((bytes) => this.#write(bytes), {
      onFailure: (reason) => void this.failures.push(reason),
      onDropped: (count) => {
        this.dropped.push(count);
        output.write(`${count} dropped\n`);
      },
      ...options,
    });
    return output;
  }

  #write(bytes: Uint8Array): number {
    this.calls += 1;
    if (this.fault !== undefined) throw systemError(this.fault);
    if (this.room === 0) throw systemError(this.fullCode);
    const piece = bytes.subarray(0, this.room);
    this.room -= piece.length;
    this.taken += Buffer.from(piece).toString('latin1');
    return piece.length;
  }
}

async function untilTaken(descriptor: FakeDescriptor, text: string): Promise<void> {
  for (let waitedMs = 0; descriptor.taken !== text && waitedMs < RETRY_LIMIT_MS; waitedMs += POLL_MS) await sleep(POLL_MS);
  assert.equal(descriptor.taken, text);
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join('');
}

function writeLines(output: ConsoleOutput, from: number, to: number): void {
  for (let number = from; number <= to; number += 1) output.write(`line ${number}\n`);
}

test('without a backlog a text is written when write() returns', () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open();
  for (let number = 1; number <= 100; number += 1) {
    assert.equal(output.write(`line ${number}\n`), true);
    assert.equal(descriptor.taken, lines(1, number));
  }
  assert.deepEqual([descriptor.calls, descriptor.failures, output.health], [100, [], { ok: true, detail: '0 lines dropped' }]);
});

test('a slow reader loses nothing, whatever part of a line its pipe takes', async () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open();
  descriptor.room = 3;
  writeLines(output, 1, 50);
  assert.equal(descriptor.taken, 'lin');
  for (const room of [1, 7, 0, 20, 64, Number.POSITIVE_INFINITY]) {
    descriptor.room = room;
    await sleep(POLL_MS);
  }
  await untilTaken(descriptor, lines(1, 50));
  assert.deepEqual([descriptor.failures, descriptor.dropped], [[], []]);
});

test('a backlog larger than one write is written completely and in order', async () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open();
  descriptor.room = 0;
  writeLines(output, 1, 30_000);
  output.write(`${'x'.repeat(200_000)}\n`);
  writeLines(output, 30_001, 60_000);
  descriptor.room = Number.POSITIVE_INFINITY;
  await untilTaken(descriptor, `${lines(1, 30_000)}${'x'.repeat(200_000)}\n${lines(30_001, 60_000)}`);
  assert.ok(descriptor.calls < 100, `${descriptor.calls} writes`);
});

for (const code of ERRORS) {
  test(`${code}: lines wait, the failure is reported once, and all of them come in order once the descriptor works`, async () => {
    const descriptor = new FakeDescriptor();
    const output = descriptor.open();
    output.write('line 1\n');
    descriptor.fault = code;
    writeLines(output, 2, 200);
    assert.deepEqual(descriptor.failures, [`${code}: as made`]);
    assert.deepEqual(output.health, { ok: false, detail: `cannot be written (${code}: as made); 0 lines dropped` });
    assert.ok(descriptor.calls < 10, 'a failing descriptor is not asked for each line');
    descriptor.fault = undefined;
    await untilTaken(descriptor, lines(1, 200));
    assert.deepEqual(output.health, { ok: true, detail: '0 lines dropped' });
  });

  test(`${code}: a flush ends at once, and leaves what waits for later`, () => {
    const descriptor = new FakeDescriptor();
    const output = descriptor.open();
    descriptor.fault = code;
    output.write('line 1\n');
    const startMs = performance.now();
    assert.equal(output.flushSync(), false);
    assert.ok(performance.now() - startMs < 400);
    descriptor.fault = undefined;
    assert.equal(output.flushSync(), true);
    assert.equal(descriptor.taken, lines(1, 1));
  });
}

test('beyond the limit lines are dropped until the backlog is written; then their number is reported in their place', async () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open({ queuedBytesMax: 70 });
  descriptor.room = 0;
  writeLines(output, 1, 25);
  assert.equal(output.write('late\n'), false);
  const detail = 'cannot be written (EAGAIN: its reader has stopped, or is too slow); 17 lines dropped';
  assert.deepEqual(output.health, { ok: false, detail });
  assert.equal(descriptor.failures.length, 1);
  descriptor.room = Number.POSITIVE_INFINITY;
  await untilTaken(descriptor, `${lines(1, 9)}17 dropped\n`);
  output.write('line 26\n');
  assert.equal(descriptor.taken, `${lines(1, 9)}17 dropped\nline 26\n`);
  assert.deepEqual([descriptor.dropped, output.health], [[17], { ok: true, detail: '17 lines dropped' }]);
});

test('lines that were written together are dropped and counted as lines', () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open({ queuedBytesMax: 70 });
  descriptor.room = 0;
  assert.equal(output.write(lines(1, 10), 10), false);
  assert.match(output.health.detail, /; 10 lines dropped$/);
});

test('a reader that is too slow is reported once, not each time it takes something', async () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open({ queuedBytesMax: 70 });
  descriptor.room = 0;
  for (let round = 0; round < 20; round += 1) {
    descriptor.room = 3;
    writeLines(output, 1, 20);
    await sleep(POLL_MS);
  }
  assert.equal(descriptor.failures.length, 1);
});

test('a flush waits for a reader for a short time', () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open();
  descriptor.room = 0;
  output.write('line 1\n');
  const startMs = performance.now();
  assert.equal(output.flushSync(), false);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 400 && tookMs < RETRY_LIMIT_MS, `${tookMs} ms`);
  descriptor.room = Number.POSITIVE_INFINITY;
  assert.equal(output.flushSync(), true);
  assert.equal(descriptor.taken, lines(1, 1));
});

for (const code of ERRORS) {
  test(`${code}: what must be shown throws, says why, and is not shown later`, () => {
    const descriptor = new FakeDescriptor();
    const output = descriptor.open();
    descriptor.fault = code;
    output.write('line 1\n');
    assert.throws(() => output.writeSurely('a key\n'), (error) => error instanceof UnshownTextError && error.message.includes(code));
    descriptor.fault = undefined;
    output.flushSync();
    assert.equal(descriptor.taken, lines(1, 1));
  });
}

for (const [what, room] of [['what waits before it', 7], ['a part of it as well', 9]] as const) {
  test(`what could not be shown is not written later, also when ${what} was written first`, () => {
    const descriptor = new FakeDescriptor();
    const output = descriptor.open();
    descriptor.room = 0;
    output.write('line 1\n');
    Object.assign(descriptor, { room, fullCode: 'ENOSPC' });
    assert.throws(() => output.writeSurely('a key\n'), UnshownTextError);
    output.write('line 2\n');
    descriptor.room = Number.POSITIVE_INFINITY;
    assert.equal(output.flushSync(), true);
    assert.equal(descriptor.taken, `${'line 1\na key\n'.slice(0, room)}line 2\n`);
  });
}

test('a text that could not be shown takes no other queued text with it', () => {
  const descriptor = new FakeDescriptor();
  const output: ConsoleOutput = descriptor.open({ onFailure: () => void output.write('told of the failure\n') });
  descriptor.fault = 'ENOSPC';
  assert.throws(() => output.writeSurely('a key\n'), UnshownTextError);
  descriptor.fault = undefined;
  assert.equal(output.flushSync(), true);
  assert.equal(descriptor.taken, 'told of the failure\n');
});

test('writeSurely() writes after the queued texts, and before it returns', () => {
  const descriptor = new FakeDescriptor();
  const output = descriptor.open();
  descriptor.room = 0;
  output.write('line 1\n');
  descriptor.room = Number.POSITIVE_INFINITY;
  output.writeSurely('a key\n');
  assert.equal(descriptor.taken, 'line 1\na key\n');
});

test.run();
