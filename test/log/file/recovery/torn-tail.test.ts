import assert from 'node:assert/strict';
import {
  judgeTail, PARTIAL_SECTOR_BYTES_MIN, SECTOR_BYTES, type TailVerdict, TORN_BYTES_MAX,
} from '../../../../src/log/file/recovery/torn-tail.js';
import { suite } from '../../../suite.js';

const test = suite('judgeTail');

interface Tail {
  readonly bytes: Buffer | string;
  readonly offset?: number;
  readonly terminated?: boolean;
  readonly headSeq?: number;
}

function judge({ bytes, offset = 1000, terminated = true, headSeq = 0 }: Tail): TailVerdict {
  const fault = { expected: 'x', found: 'y' };
  return judgeTail({ record: { offset, fault, terminated }, bytes: Buffer.from(bytes), dueSeq: 10, headSeq });
}

const CLAIM = (seq: number): string => `{"seq":12,"durable":${seq},"salt":"x"}\n`;
const filled = (length: number): Buffer => Buffer.alloc(length, 'x');

test('a record without its line feed is torn, unless the head or a later line proves otherwise', () => {
  assert.ok(judge({ bytes: 'abc', terminated: false }).torn);
  assert.ok(judge({ bytes: 'abc', terminated: false, headSeq: 9 }).torn);
  assert.ok(!judge({ bytes: 'abc', terminated: false, headSeq: 10 }).torn);
});

test('a complete record is torn only with a lost sector inside', () => {
  const zeroed = (from: number, to: number): Buffer => filled(3000).fill(0, from, to);
  const verdict = (bytes: Buffer, offset: number): boolean => judge({ bytes: Buffer.concat([bytes, Buffer.from('\n')]), offset }).torn;
  assert.ok(!verdict(filled(3000), 1000));
  assert.ok(verdict(zeroed(24, 24 + SECTOR_BYTES), 1000), 'a whole sector');
  assert.ok(verdict(zeroed(0, SECTOR_BYTES), 1024), 'a whole first sector');
  assert.ok(!verdict(zeroed(25, 25 + SECTOR_BYTES), 1000), 'as many zeros elsewhere');
  assert.ok(!verdict(zeroed(24, 23 + SECTOR_BYTES), 1000), 'one zero less');
  assert.ok(verdict(zeroed(0, 24), 1000), 'the rest of the first sector');
  assert.ok(!verdict(zeroed(0, 23), 1000), 'not all of the rest');
});

test('a record that begins just before the end of a sector is torn if more than one byte of that end is lost', () => {
  const verdict = (zeros: number): boolean => judge({ bytes: `${'\0'.repeat(zeros)}:6,"time"\n`, offset: SECTOR_BYTES - zeros }).torn;
  assert.ok(verdict(6));
  assert.ok(verdict(PARTIAL_SECTOR_BYTES_MIN));
  assert.ok(!verdict(PARTIAL_SECTOR_BYTES_MIN - 1), 'too few zeros to be distinguished from damage');
});

test('a lost sector counts in the first record only', () => {
  assert.ok(!judge({ bytes: Buffer.concat([Buffer.from('bad\n'), Buffer.alloc(2000), Buffer.from('\n')]), offset: 1024 }).torn);
});

test('a later line that proves the seq makes it damage, whether damaged itself or not', () => {
  const lost = Buffer.concat([Buffer.alloc(SECTOR_BYTES), Buffer.from('\n')]);
  const verdict = (...later: string[]): boolean => judge({ bytes: Buffer.concat([lost, Buffer.from(later.join(''))]), offset: 1024 }).torn;
  assert.ok(verdict(CLAIM(9)));
  assert.ok(!verdict(CLAIM(10)));
  assert.ok(!verdict(CLAIM(9), CLAIM(11)));
  assert.ok(!verdict(CLAIM(9), 'rest of a line,"durable":10,"salt":'));
});

test('a tail larger than a batch is damage', () => {
  const verdict = judge({ bytes: Buffer.alloc(TORN_BYTES_MAX + 1), terminated: false });
  assert.ok(!verdict.torn && /is more than one batch can contain/.test(verdict.reason));
});

test.run();
