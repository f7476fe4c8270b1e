/** Saboteurs of the feed of events: each durable line once, in order and without a gap. */
import type { Saboteur } from './saboteur.js';

/** They live in the reading of the log and in the streams. */
export const FEED_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'skip-an-event-after-a-segment-border',
    changes: [{
      file: 'src/log/file/reading/open-log-reader.ts',
      find: 'lines.forwards(seq, last)',
      replace: 'lines.forwards(seq === text.firstSeq && seq > fromSeq && seq < last ? seq + 1 : seq, last)',
    }],
    tests: ['log/file/file-log', 'store/event-feed'],
  },
  {
    name: 'give-an-event-again-after-a-reconnection',
    changes: [{
      file: 'src/http/events/positions.ts',
      find: 'startsWith(position.hash)) return seq;',
      replace: 'startsWith(position.hash)) return Math.max(0, seq - 1);',
    }],
    tests: ['http/events/streams'],
  },
  {
    name: 'share-what-is-read-with-followers-at-other-places',
    changes: [{
      file: 'src/log/newest-lines.ts',
      find: 'given?.fromSeq === fromSeq &&',
      replace: 'given !== undefined &&',
    }],
    tests: ['log/memory-log', 'store/event-feed'],
  },
  {
    name: 'give-the-memory-of-dropped-lines-to-readers-that-still-send-them',
    changes: [{ file: 'src/log/line-page.ts', find: 'Buffer.from(this.bytes.subarray(start,', replace: '(this.bytes.subarray(start,' }],
    tests: ['log/newest-lines'],
  },
  {
    name: 'send-what-was-read-before-it-was-erased',
    changes: [{ file: 'src/http/events/send-events.ts', find: 'readAt !== this.#feed.erasures', replace: 'false' }],
    tests: ['http/events/send-events'],
  },
  {
    name: 'miss-what-comes-while-followers-are-served',
    changes: [{ file: 'src/store/event-feed.ts', find: 'this.#isDue = this.#cursors.size > 0;', before: 'if (this.#isResting) return;' }],
    tests: ['store/event-feed'],
  },
];
