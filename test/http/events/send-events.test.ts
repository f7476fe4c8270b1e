/** What a stream sends when lines are erased while its client takes its time. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { followLines, sendLines, type StreamParts } from '../../../src/http/events/send-events.js';
import { erasablePartOf } from '../../../src/log/event-lines.js';
import type { Log } from '../../../src/log/log.js';
import { MemoryLog } from '../../../src/log/memory-log.js';
import { EventFeed } from '../../../src/store/event-feed.js';
import { closedGate, createLog, draft, emptyDisk, LOG_ID, OPTIONS, PROJECT } from '../../log/file/log-fixture.js';
import { suite } from '../../suite.js';

const test = suite('send-events');

const LINES = 12;
/** Each line is a portion of its own, and several of them are read at once. */
const VALUE_BYTES = 20_000;
const ERASED = [2, 3, 9] as const;

/** A client that takes the first line and then nothing, until it goes on. An endless stream ends for it after the last line. */
class SlowClient {
  readonly isQuiet = false;
  reason: 'max_age' | undefined;
  readonly gate = closedGate();
  readonly hasFirst = closedGate();
  text = '';
  readonly #isEndless: boolean;

  constructor(isEndless: boolean) {
    this.#isEndless = isEndless;
  }

  mayGoOn(): boolean {
    return this.reason === undefined;
  }

  async pause(start: (resume: () => void) => () => void): Promise<void> {
    await new Promise<void>((resolve) => void start(resolve));
  }

  async write(bytes: Buffer): Promise<void> {
    this.text += bytes.toString();
    if (this.#isEndless && this.text.split('\n').length > LINES) this.reason = 'max_age';
    this.hasFirst.open();
    await this.gate.promise;
  }

  finish(): void {
    assert.notEqual(this.text, '');
  }
}

/** Records lines as erased, and erases them. */
async function erase(log: Log, feed: EventFeed): Promise<void> {
  const lines = [];
  for (const seq of ERASED) {
    const part = erasablePartOf(await feed.lineAt(seq));
    const digest = createHash('sha256').update(part).digest('hex');
    lines.push({ seq, digest, bytes: part.length, left: { key: `k${seq}` } });
  }
  const body = `"reason":"r","lines":${JSON.stringify(lines)}`;
  const redact = { op: 'redact', actor: 'global#0123456789abcdef', request: 'r', body, format: 2 } as const;
  await log.append([redact], log.position().seq, { beginsSegment: true, isDurable: true });
  await log.sealed?.erase(1, ERASED);
  feed.forgetErased();
}

const WAYS: Readonly<Record<string, (parts: Omit<StreamParts, 'cursor'>) => Promise<void>>> = {
  range: (parts) => sendLines(parts, parts.feed.read({ afterSeq: 0, untilSeq: LINES }), undefined),
  async follow(parts) {
    const cursor = parts.feed.follow(0, {});
    await followLines({ ...parts, cursor });
    await cursor.close();
  },
};

for (const place of ['on disk', 'in memory']) {
  for (const [name, way] of Object.entries(WAYS)) {
    test(`what was read before lines were erased is not sent after that: ${name}, ${place}`, async () => {
      const log = place === 'on disk' ? await createLog(emptyDisk(), OPTIONS) : new MemoryLog({ project: PROJECT, logId: LOG_ID });
      const feed = new EventFeed(() => log);
      // Lines are kept in memory, as beside other followers.
      const other = feed.follow(0, {});
      for (let seq = 1; seq <= LINES; seq += 1) await log.append([draft(seq, `"secret-${seq}-${'x'.repeat(VALUE_BYTES)}"`)], seq - 1);
      const stream = new SlowClient(name === 'follow');
      const sending = way({ stream, feed, admit: () => undefined, release: () => undefined });
      await stream.hasFirst.promise;
      await erase(log, feed);
      stream.gate.open();
      await sending;
      const texts = stream.text.split('\n').slice(0, LINES);
      const sent = texts.map((line) => JSON.parse(line) as { seq: number; erased?: true; value?: string });
      assert.deepEqual(sent.map(({ seq }) => seq), Array.from({ length: LINES }, (_, index) => index + 1));
      assert.deepEqual(sent.filter(({ erased }) => erased).map(({ seq }) => seq), ERASED);
      for (const { seq, value } of sent) assert.equal(value?.startsWith(`secret-${seq}-`), ERASED.includes(seq as 2) ? undefined : true);
      await other.close();
      await log.close();
    });
  }
}

test.run();
