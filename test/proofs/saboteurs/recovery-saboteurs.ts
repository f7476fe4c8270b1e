/** Saboteurs of the start: what is believed of the bytes that are found. */
import type { Saboteur } from './saboteur.js';

const RECOVERY = 'src/log/file/recovery/recovery.ts';
const READING = 'src/log/file/recovery/recovery-scan.ts';
const LINE_FORMAT = 'src/log/line-format.ts';
const MISSING_END = 'this.#refuseMissingEnd(scanned';
const TORN_TAIL = 'src/log/file/recovery/torn-tail.ts';

/** They live in recovery and in the reading of lines. */
export const RECOVERY_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'truncate-on-any-bad-line',
    changes: [{
      file: TORN_TAIL,
      find: 'headSeq } = evidence;',
      before: 'return { torn: true };',
    }],
    tests: ['log/file/every-bit.crash', 'log/file/recovery-damage.crash'],
  },
  {
    name: 'truncate-although-a-later-line-proves-it',
    changes: [{ file: TORN_TAIL, find: 'if (claim >= dueSeq) return', replace: 'if (claim < 0) return' }],
    tests: ['log/file/recovery/torn-tail', 'log/file/recovery-damage.crash'],
  },
  {
    name: 'truncate-although-the-head-proves-it',
    changes: [
      { file: TORN_TAIL, find: 'if (headSeq >= dueSeq) return', replace: 'if (headSeq < 0) return' },
      // Behind the first door stands a second one.
      { file: READING, find: MISSING_END, statement: '' },
    ],
    tests: ['log/file/every-bit.crash', 'log/file/recovery/torn-tail'],
  },
  {
    name: 'throw-a-torn-tail-away',
    changes: [{ file: RECOVERY, find: '(await keepTornTail(this.#disk, this.#paths, torn))', replace: `'nowhere'` }],
    tests: ['log/file/recovery.crash'],
  },
  {
    name: 'refuse-a-torn-tail',
    changes: [{ file: READING, find: 'if (verdict.torn) return', replace: 'if (verdict.torn && this.#chain.seq < 0) return' }],
    tests: ['log/file/kill-points.crash'],
  },
  {
    name: 'accept-a-missing-end',
    changes: [{ file: READING, find: MISSING_END, statement: '' }],
    tests: ['log/file/recovery.crash', 'log/file/every-bit.crash'],
  },
  {
    name: 'accept-a-missing-segment',
    changes: [
      {
        file: 'src/log/file/segment/segment-reader.ts',
        find: 'if (wanted === undefined || found === wanted) continue;',
        replace: `if (wanted === undefined || found === wanted || name === 'first_seq' || name === 'prev') continue;`,
      },
      {
        file: READING,
        find: 'this.#chain.hash = header.previousHash;',
        before: 'this.#chain.seq = header.firstSeq - 1;',
      },
    ],
    tests: ['log/file/recovery-damage.crash'],
  },
  {
    name: 'skip-the-hash-of-lines',
    changes: [{
      file: LINE_FORMAT,
      find: 'sha256(bytes.subarray(split, end))',
      statement: 'const computed = written;',
    }],
    tests: ['log/file/every-bit.crash', 'log/line-format'],
  },
  {
    name: 'skip-the-hash-of-lines-that-are-read-by-position',
    changes: [{ file: LINE_FORMAT, find: 'return computed === written ? computed : undefined;', replace: 'return written;' }],
    tests: ['log/file/every-bit.crash', 'log/file/segment/check-ahead'],
  },
  {
    name: 'read-on-after-a-seal',
    changes: [{
      file: 'src/log/file/segment/check-ahead.ts',
      find: 'if (next?.offset !== due.offset) return;',
      replace: 'if (next === undefined) return;',
    }],
    tests: ['log/file/segment/check-ahead'],
  },
  {
    name: 'lose-the-last-line-feed',
    changes: [{ file: RECOVERY, find: `await appendAll(file, Buffer.from('\\n'));`, statement: '' }],
    tests: ['log/file/recovery.crash'],
  },
  {
    name: 'believe-the-page-cache',
    changes: [{
      file: RECOVERY,
      find: 'this.#proveTail(active.unprovenOffset,',
      replace: 'this.#proveTail(sizeBytes,',
    }],
    tests: ['log/file/recovery.crash'],
  },
  {
    name: 'leave-a-rotation-unfinished',
    changes: [{ file: RECOVERY, find: 'if (!active.sealed) return', replace: 'if (active.firstSeq > 0) return' }],
    tests: ['log/file/kill-points.crash'],
  },
  {
    name: 'serve-the-log-of-another-project',
    changes: [{ file: 'src/log/file/segment/segment-reader.ts', find: `['project', header.project, due.project],`, replace: '' }],
    tests: ['log/file/recovery-damage.crash'],
  },
];
