/** The contract of a log as one suite, run for every implementation. */
import assert from 'node:assert/strict';
import { WrongLastSeqError } from '../../src/log/log-errors.js';
import { genesisHash } from '../../src/log/line-format.js';
import { LINE_BYTES_MAX, type Log, type LogOptions } from '../../src/log/log.js';
import { MANUAL_CLOCK_START_MS, ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { collect, draft, drafts, hashByHand, hashIn, OPTIONS, PROJECT } from './file/log-fixture.js';

/** A log to be tested. */
export interface LogSubject {
  readonly log: Log;
  /** Closes and reopens the log; only if lines outlive a process. */
  reopen?(): Promise<Log>;
  /** Every event line as it is stored; only if lines are stored as text. */
  rawLines?(): Promise<readonly string[]>;
  /** Closes what is open and removes what was stored. */
  end(): Promise<void>;
}

/** Differences between the implementations. */
export interface LogCapabilities {
  /** Lines outlive a process: `reopen` and `rawLines` exist. */
  readonly keepsLines: boolean;
}

/** Creates an empty log of {@link PROJECT}. */
export type LogFactory = (options: LogOptions, clock: ManualClock) => Promise<LogSubject>;

/** Small enough that nearly every batch begins a new segment. */
const ROTATING: LogOptions = { ...OPTIONS, segmentBytes: 700 };

/**
 * Registers and runs the suite.
 *
 * @param name the implementation
 * @param factory creates a log
 * @param capabilities what it can do
 */
export function testLogContract(name: string, factory: LogFactory, capabilities: LogCapabilities): void {
  const test = suite(`the contract of a log: ${name}`);

  /** Runs a body with a log of its own. */
  const withLog: WithLog = (body, options = OPTIONS) => async () => {
    const clock = new ManualClock();
    const subject = await factory(options, clock);
    try {
      await body(subject.log, subject, clock);
    } finally {
      await subject.end();
    }
  };

  test('a new log is empty and writable', withLog(async (log) => {
    assert.equal(log.project, PROJECT);
    assert.match(log.logId, /^[0-9a-f]{32}$/);
    assert.deepEqual(log.position(), { seq: 0, hash: genesisHash(PROJECT, log.logId) });
    assert.equal(log.state(), 'writable');
    assert.deepEqual(await collect(log.read({ fromSeq: 1 })), []);
  }));

  test('seq counts from 1 without gaps, within a batch and across batches', withLog(async (log) => {
    const first = await log.append(drafts(1, 3), 0);
    const second = await log.append(drafts(4, 4), 3);
    assert.deepEqual([...first, ...second].map((line) => line.seq), [1, 2, 3, 4]);
    assert.equal(log.position().seq, 4);
    assert.equal(log.position().hash, second[0]?.hash);
  }));

  test('a line is read back as it was appended, whatever its content', withLog(async (log) => {
    const odd = [
      {
        op: 'set', actor: 'project:p#ü€😀', request: 'ré',
        body: '"key":"é\u2028😀","value":",\\"salt\\":\\"x\\",\\"hash\\":\\"y\\""',
      },
      { op: 'project.create', actor: '', request: '', body: '"durable":99,"salt":1' },
      { op: 'a_b.c', actor: 'x', request: 'y', body: '"value":  {"a" : [1e400, -0, 1.0] }\t' },
    ];
    await log.append(odd, 0);
    const lines = await collect(log.read({ fromSeq: 1 }));
    assert.deepEqual(lines.map(({ op, actor, request, body }) => ({ op, actor, request, body })), odd);
  }));

  test('a draft that no reader could take is refused before it is written', withLog(async (log) => {
    const good = draft(1);
    const bad = [
      { ...good, op: 'Set' }, { ...good, op: '' }, { ...good, actor: 'a"b' }, { ...good, request: 'a\\b' }, { ...good, actor: 'a\nb' },
      { ...good, body: '"key":1\n' }, { ...good, body: '"key":1\r' }, { ...good, actor: '\ud800' }, { ...good, body: '' },
    ];
    for (const one of bad) await assert.rejects(log.append([good, one], 0), { name: 'InvariantError' }, JSON.stringify(one));
    await assert.rejects(log.append([], 0), { name: 'InvariantError' });
    assert.equal(log.position().seq, 0);
    await log.append([good], 0);
  }));

  test('append is conditional on the last seq, and a refusal appends nothing', withLog(async (log) => {
    await log.append(drafts(1, 2), 0);
    for (const expected of [0, 1, 3]) {
      await assert.rejects(log.append(drafts(3, 3), expected), (error) => error instanceof WrongLastSeqError && error.actualSeq === 2);
    }
    assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 2);
  }));

  for (const durability of ['fsync', 'interval', 'os'] as const) {
    test(`under ${durability}, a batch can require to be durable when it is acknowledged`, withLog(async (log) => {
      await log.append(drafts(1, 1), 0);
      const [line] = await log.append(drafts(2, 2), 1, { isDurable: true });
      await log.sync();
      const [, , third] = [...await collect(log.read({ fromSeq: 1 })), ...await log.append(drafts(3, 3), 2)];
      assert.deepEqual([line?.seq, third?.seq], [2, 3]);
      assert.equal((await collect(log.read({ fromSeq: 3 })))[0]?.durable, 2, 'what follows it proves it');
    }, { ...OPTIONS, durability, syncIntervalMs: 60_000 }));
  }

  test('a batch is appended entirely or not at all', withLog(async (log) => {
    const long = { ...draft(2), body: `"key":"k","value":"${'x'.repeat(LINE_BYTES_MAX)}"` };
    await assert.rejects(
      log.append([draft(1), long, draft(3)], 0), { code: 'line_too_large', facts: { limit: LINE_BYTES_MAX, actual: LINE_BYTES_MAX + 243 } },
    );
    assert.equal(log.position().seq, 0);
    assert.deepEqual(await collect(log.read({ fromSeq: 1 })), []);
    await log.append(drafts(1, 1), 0);
  }));

  test('the longest line fits and comes back', withLog(async (log) => {
    const [probe] = await log.append([draft(1, '""')], 0);
    assert.ok(probe);
    const around = Buffer.byteLength(JSON.stringify(draft(1))) + 400;
    const body = `"key":"k","value":"${'é'.repeat((LINE_BYTES_MAX - around) / 2)}"`;
    await log.append([{ ...draft(2), body }], 1);
    const lines = await collect(log.read({ fromSeq: 1 }));
    assert.equal(lines.at(-1)?.body, body);
  }));

  test('append returns what is read later', withLog(async (log) => {
    const appended = [...await log.append(drafts(1, 2), 0), ...await log.append(drafts(3, 3), 2)];
    const read = await collect(log.read({ fromSeq: 1 }));
    assert.deepEqual(
      read.map(({ seq, timeMs, hash }) => ({ seq, timeMs, hash })), appended.map(({ seq, timeMs, hash }) => ({ seq, timeMs, hash })),
    );
    assert.equal(new Set(read.map((line) => line.hash)).size, 3);
  }));

  test('a range yields its lines, and none outside the log', withLog(async (log) => {
    for (let seq = 0; seq < 8; seq += 2) await log.append(drafts(seq + 1, seq + 2), seq);
    const seqs = async (fromSeq: number, toSeq?: number): Promise<number[]> => (
      (await collect(log.read({ fromSeq, ...(toSeq === undefined ? {} : { toSeq }) }))).map((line) => line.seq)
    );
    assert.deepEqual(await seqs(1), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(await seqs(3, 6), [3, 4, 5, 6]);
    assert.deepEqual(await seqs(8, 8), [8]);
    assert.deepEqual(await seqs(7, 100), [7, 8]);
    assert.deepEqual(await seqs(9), []);
    assert.deepEqual(await seqs(5, 4), []);
  }, ROTATING));

  test('lines appended after the call are not part of a read', withLog(async (log) => {
    await log.append(drafts(1, 2), 0);
    const reading = log.read({ fromSeq: 1 });
    await log.append(drafts(3, 4), 2);
    assert.deepEqual((await collect(reading)).map((line) => line.seq), [1, 2]);
  }));

  test('`durable` is below its seq, never above what was synced, and never decreases', withLog(async (log) => {
    await log.append(drafts(1, 2), 0);
    await log.append(drafts(3, 5), 2);
    await log.append(drafts(6, 6), 5);
    assert.deepEqual((await collect(log.read({ fromSeq: 1 }))).map((line) => line.durable), [0, 0, 2, 2, 2, 5]);
  }));

  test('time is held back by up to a minute of clock and true beyond', withLog(async (log, _subject, clock) => {
    const stamp = async (): Promise<number | undefined> => (await log.append([draft(1)], log.position().seq))[0]?.timeMs;
    assert.equal(await stamp(), MANUAL_CLOCK_START_MS);
    clock.setWall(MANUAL_CLOCK_START_MS - 60_000);
    assert.equal(await stamp(), MANUAL_CLOCK_START_MS);
    clock.setWall(MANUAL_CLOCK_START_MS - 60_001);
    assert.equal(await stamp(), MANUAL_CLOCK_START_MS - 60_001);
    clock.setWall(MANUAL_CLOCK_START_MS + 5);
    assert.equal(await stamp(), MANUAL_CLOCK_START_MS + 5);
  }));

  test('a read stops with the reason of its signal', withLog(async (log) => {
    await log.append(drafts(1, 3), 0);
    const stop = new AbortController();
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const line of log.read({ fromSeq: 1, signal: stop.signal })) {
        seen.push(line.seq);
        stop.abort(new Error('enough'));
      }
    }, /enough/);
    assert.deepEqual(seen, [1]);
  }));

  test('reads during appends see a complete, unbroken range', withLog(async (log) => {
    const readings: Promise<void>[] = [];
    for (let batch = 0; batch < 30; batch += 1) {
      const { seq } = log.position();
      readings.push((async () => {
        assert.deepEqual(
          (await collect(log.read({ fromSeq: 1 }))).map((line) => line.seq), Array.from({ length: seq }, (_, index) => index + 1),
        );
      })());
      await log.append(drafts(seq + 1, seq + 2), seq);
    }
    await Promise.all(readings);
  }, ROTATING));

  test('closing refuses appends; closing again does nothing', withLog(async (log) => {
    await log.append(drafts(1, 1), 0);
    const reported: string[] = [];
    log.onStateChange(() => void reported.push(log.state()));
    await log.close();
    await log.close();
    assert.equal(log.state(), 'closed');
    assert.deepEqual(reported, ['closed']);
    await assert.rejects(log.append(drafts(2, 2), 1), { code: 'shutting_down' });
    assert.equal(log.position().seq, 1);
  }));

  test('options can be changed between batches', withLog(async (log) => {
    for (const durability of ['os', 'interval', 'fsync', 'interval', 'os'] as const) {
      const { seq } = log.position();
      log.configure({ durability, syncIntervalMs: 1, segmentBytes: 1000 });
      await log.append(drafts(seq + 1, seq + 3), seq);
    }
    const lines = await collect(log.read({ fromSeq: 1 }));
    assert.deepEqual(lines.map((line) => line.seq), Array.from({ length: 15 }, (_, index) => index + 1));
    assert.ok(lines.every((line) => line.durable < line.seq));
  }));

  if (capabilities.keepsLines) testKept(test, withLog);
  test.run();
}

type WithLog = (body: (log: Log, subject: LogSubject, clock: ManualClock) => Promise<void>, options?: LogOptions) => () => Promise<void>;

function testKept(test: ReturnType<typeof suite>, withLog: WithLog): void {
  test('a reopened log has the same lines and continues at its end', withLog(async (log, subject) => {
    for (let batch = 0; batch < 6; batch += 1) await log.append(drafts(batch * 2 + 1, batch * 2 + 2), batch * 2);
    const before = await collect(log.read({ fromSeq: 1 }));
    const end = log.position();
    const again = await subject.reopen?.();
    assert.ok(again);
    assert.deepEqual(await collect(again.read({ fromSeq: 1 })), before);
    assert.deepEqual(again.position(), end);
    assert.equal(again.logId, log.logId);
    const [next] = await again.append(drafts(13, 13), 12);
    assert.equal(next?.seq, 13);
    assert.deepEqual(await collect(again.read({ fromSeq: 1, toSeq: 12 })), before);
  }, ROTATING));

  test('the chain can be computed by hand from the text of the lines', withLog(async (log, subject) => {
    for (let batch = 0; batch < 6; batch += 1) await log.append(drafts(batch * 2 + 1, batch * 2 + 2), batch * 2);
    const lines = (await subject.rawLines?.()) ?? [];
    assert.equal(lines.length, 12);
    let previous = genesisHash(PROJECT, log.logId);
    for (const line of lines) {
      assert.equal(hashIn(line), hashByHand(line, previous));
      previous = hashIn(line);
    }
    assert.equal(previous, log.position().hash);
  }, ROTATING));

  test('lines of every durability are there after a clean close', withLog(async (log, subject) => {
    log.configure({ ...OPTIONS, durability: 'os' });
    await log.append(drafts(1, 2), 0);
    log.configure({ ...OPTIONS, durability: 'interval' });
    await log.append(drafts(3, 4), 2);
    const again = await subject.reopen?.();
    assert.equal(again?.position().seq, 4);
  }));
}
