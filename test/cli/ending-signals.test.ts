import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { onEndingSignals, SAME_REQUEST_MS } from '../../src/cli/ending-signals.js';
import { suite } from '../suite.js';

const test = suite('ending-signals');

/** Signals that nothing else of a test listens to. */
const NAMES = ['SIGUSR2', 'SIGWINCH'] as const;
/** How much longer than the limit is waited for, in milliseconds. */
const LATER_MS = 200;

/** Holds up the event loop as a long synchronous step does. */
function block(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, durationMs);
}

function listen(): { readonly heard: string[]; readonly stop: () => void } {
  const heard: string[] = [];
  const stop = onEndingSignals(NAMES, {
    first: (name) => void heard.push(`first ${name}`),
    again: (name) => void heard.push(`again ${name}`),
  });
  return { heard, stop };
}

test('signals in quick succession are one request; a later one is another', async () => {
  const { heard, stop } = listen();
  try {
    for (const name of [...NAMES, ...NAMES]) process.emit(name, name);
    assert.deepEqual(heard, ['first SIGUSR2']);
    await setTimeout(SAME_REQUEST_MS + LATER_MS);
    process.emit('SIGWINCH', 'SIGWINCH');
    assert.deepEqual(heard, ['first SIGUSR2', 'again SIGWINCH']);
  } finally {
    stop();
  }
  process.emit('SIGWINCH', 'SIGWINCH');
  assert.equal(heard.length, 2, 'nothing is heard after the end of the listening');
});

test('a signal that waited while the event loop was blocked does not count as a later one', async () => {
  const { heard, stop } = listen();
  try {
    process.kill(process.pid, 'SIGUSR2');
    while (heard.length === 0) await setTimeout(1);
    process.kill(process.pid, 'SIGWINCH');
    block(SAME_REQUEST_MS + LATER_MS);
    await setTimeout(LATER_MS);
    assert.deepEqual(heard, ['first SIGUSR2']);
  } finally {
    stop();
  }
});

test.run();
