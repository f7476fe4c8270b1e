/** The contract of scanning a log as one suite, run for every implementation: lines as they stand, from any place, in either direction. */
import assert from 'node:assert/strict';
import { genesisHash } from '../../src/log/line-format.js';
import type { EventLine, ScanRange } from '../../src/log/event-lines.js';
import type { Log, LogOptions } from '../../src/log/log.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { collect, draft, drafts, OPTIONS, PROJECT, SMALL_SEGMENTS } from './file/log-fixture.js';
import type { LogCapabilities, LogFactory, LogSubject } from './log-contract.js';

/** Scans lines, and checks that the blocks examine each of them. */
export async function scanned(log: Log, range: ScanRange): Promise<EventLine[]> {
  const found: EventLine[] = [];
  const step = range.isNewestFirst === true ? -1 : 1;
  let seq = (step < 0 ? range.toSeq : range.fromSeq) - step;
  for await (const { lines, doneSeq } of log.scan(range)) {
    assert.ok((doneSeq - seq) * step > 0, `a block goes on from ${seq} to ${doneSeq}`);
    for (const line of lines) {
      assert.ok((line.seq - seq) * step > 0 && (doneSeq - line.seq) * step >= 0, `seq ${line.seq} between ${seq} and ${doneSeq}`);
      seq = line.seq;
    }
    seq = doneSeq;
    found.push(...lines);
  }
  assert.equal(seq, range.fromSeq > range.toSeq ? seq : step < 0 ? range.fromSeq : range.toSeq, 'every line was examined');
  return found;
}

/**
 * Registers and runs the suite.
 *
 * @param name the implementation
 * @param factory creates a log
 * @param capabilities what it can do
 */
export function testScanContract(name: string, factory: LogFactory, { keepsLines }: LogCapabilities): void {
  const test = suite(`the contract of scanning a log: ${name}`);

  const withLog = (body: (log: Log, subject: LogSubject) => Promise<void>, options: LogOptions = OPTIONS) => async () => {
    const subject = await factory(options, new ManualClock());
    try {
      await body(subject.log, subject);
    } finally {
      await subject.end();
    }
  };

  for (const isKept of [false, true]) {
    test(`every range gives its lines, each chained to the one before, in both directions${isKept ? ', also of lines at hand' : ''}`,
      withLog(async (log, subject) => {
        log.keepNewest(isKept);
        for (let seq = 0; seq < 30; seq += 3) await log.append(drafts(seq + 1, seq + 3), seq);
        const raw = keepsLines ? await subject.rawLines?.() : undefined;
        for (let fromSeq = 1; fromSeq <= 30; fromSeq += 1) {
          for (let toSeq = fromSeq; toSeq <= 30; toSeq += 4) {
            const lines = await scanned(log, { fromSeq, toSeq });
            assert.deepEqual(lines.map(({ seq }) => seq), Array.from({ length: toSeq - fromSeq + 1 }, (_, index) => fromSeq + index));
            assert.deepEqual((await scanned(log, { fromSeq, toSeq, isNewestFirst: true })).reverse().map(plain), lines.map(plain));
            if (raw !== undefined) assert.deepEqual(lines.map(({ text }) => text.toString()), raw.slice(fromSeq - 1, toSeq));
          }
        }
        const all = await scanned(log, { fromSeq: 1, toSeq: 30 });
        const hashes = [genesisHash(PROJECT, log.logId), ...all.map(({ hash }) => hash)];
        assert.deepEqual(all.map(({ previousHash }) => previousHash), hashes.slice(0, 30));
        const lines = await collect(log.read({ fromSeq: 1 }));
        assert.deepEqual(all.map(({ seq, timeMs, op, actor, hash, text, bodyStart }) => ({
          seq, timeMs, op, actor, hash, body: text.toString('utf8', bodyStart, text.length - 75),
        })), lines.map(({ seq, timeMs, op, actor, hash, body }) => ({ seq, timeMs, op, actor, hash, body })));
      }, SMALL_SEGMENTS));
  }

  test('an empty range gives nothing, and the first seq is one above the end of an empty log', withLog(async (log) => {
    assert.equal(log.firstSeq(), 1);
    assert.deepEqual(await scanned(log, { fromSeq: 1, toSeq: 0 }), []);
    await log.append(drafts(1, 2), 0);
    assert.equal(log.firstSeq(), 1);
    assert.deepEqual(await scanned(log, { fromSeq: 3, toSeq: 2, isNewestFirst: true }), []);
  }));

  test('only lines with the wanted bytes are given, wherever they are', withLog(async (log) => {
    for (let seq = 0; seq < 40; seq += 1) await log.append([draft(seq + 1, seq % 7 === 0 ? '"needle"' : '"hay"')], seq);
    const wanted = [Buffer.from('needle')];
    const seqs = (lines: readonly EventLine[]): number[] => lines.map(({ seq }) => seq);
    assert.deepEqual(seqs(await scanned(log, { fromSeq: 1, toSeq: 40, wanted })), [1, 8, 15, 22, 29, 36]);
    assert.deepEqual(seqs(await scanned(log, { fromSeq: 2, toSeq: 36, wanted, isNewestFirst: true })), [36, 29, 22, 15, 8]);
    assert.deepEqual(await scanned(log, { fromSeq: 1, toSeq: 40, wanted: [Buffer.from('absent')] }), []);
    const either = [Buffer.from('absent'), ...wanted, Buffer.from('"seq":3,'), Buffer.from('{"seq":8,')];
    assert.deepEqual(seqs(await scanned(log, { fromSeq: 1, toSeq: 20, wanted: either })), [1, 3, 8, 15]);
    assert.deepEqual(seqs(await scanned(log, { fromSeq: 1, toSeq: 20, wanted: either, isNewestFirst: true })), [15, 8, 3, 1]);
  }, SMALL_SEGMENTS));

  test('long lines are found among short ones, and memory is asked for before they are read', withLog(async (log) => {
    const long = `"${'é'.repeat(700_000)}"`;
    for (let seq = 0; seq < 12; seq += 1) await log.append([draft(seq + 1, seq % 5 === 2 ? long : '1')], seq);
    const asked: number[] = [];
    const admit = (sizeBytes: number): Promise<void> | undefined => {
      asked.push(sizeBytes);
      return asked.length === 1 ? Promise.resolve() : undefined;
    };
    for (const isNewestFirst of [false, true]) {
      for (const wanted of [undefined, [Buffer.from('"value":')]]) {
        const lines = await scanned(log, { fromSeq: 1, toSeq: 12, isNewestFirst, wanted, admit });
        assert.equal(lines.length, 12);
        assert.equal(lines.filter(({ text }) => text.length > 1_400_000).length, 2);
        assert.deepEqual((await scanned(log, { fromSeq: 4, toSeq: 4, isNewestFirst, wanted })).map(({ seq }) => seq), [4]);
      }
    }
    assert.equal(asked.some((bytes) => bytes > 1_400_000), keepsLines, asked.join());
  }));

  test('a slow scan goes on although the lines at hand have been dropped meanwhile', withLog(async (log) => {
    log.keepNewest(true);
    const value = `"${'x'.repeat(50_000)}"`;
    const write = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) await log.append([draft(log.position().seq + 1, value)], log.position().seq);
    };
    await write(10);
    const seqs: number[] = [];
    for await (const { lines } of log.scan({ fromSeq: 1, toSeq: 10 })) {
      if (seqs.length === 0) await write(40);
      seqs.push(...lines.map(({ seq }) => seq));
    }
    assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    log.keepNewest(false);
  }));

  test('the newest lines are given at once, and readers at the same place get one block of them', withLog(async (log) => {
    log.keepNewest(true);
    for (let seq = 0; seq < 9; seq += 3) await log.append(drafts(seq + 1, seq + 3), seq);
    const range = { fromSeq: 2, toSeq: 8 };
    const block = log.newest(range);
    assert.equal(log.newest({ ...range }), block);
    assert.notEqual(log.newest({ ...range, toSeq: 7 }), block);
    assert.deepEqual(block?.lines.map(plain), (await scanned(log, range)).map(plain));
    assert.deepEqual(log.newest({ ...range, wanted: [Buffer.from('absent')] }), { lines: [], doneSeq: 8 });
    log.keepNewest(false);
  }));

  test('lines that were dropped are not given at once', withLog(async (log) => {
    log.keepNewest(true);
    const value = `"${'x'.repeat(1_000_000)}"`;
    for (let seq = 0; seq < 20; seq += 1) await log.append([draft(seq + 1, value)], seq);
    assert.equal(log.newest({ fromSeq: 1, toSeq: 20 }), undefined);
    assert.equal(log.newest({ fromSeq: 20, toSeq: 20 })?.lines.length, 1);
    log.keepNewest(false);
  }));

  test('a scan during appends and rotations gives what it began with', withLog(async (log) => {
    const scans: Promise<void>[] = [];
    for (let batch = 0; batch < 40; batch += 1) {
      const { seq } = log.position();
      const toSeq = seq;
      scans.push(scanned(log, { fromSeq: 1, toSeq, isNewestFirst: batch % 2 === 0 }).then((lines) => assert.equal(lines.length, toSeq)));
      await log.append(drafts(seq + 1, seq + 2), seq);
    }
    await Promise.all(scans);
  }, SMALL_SEGMENTS));

  test.run();
}

function plain({ text, ...rest }: EventLine): object {
  return { ...rest, text: text.toString() };
}
