import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { AppError } from '../../src/base/app-error.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { ValueLoader, type ValueSource } from '../../src/projections/value-loader.js';
import { placeInSnapshot, type ValuePlace } from '../../src/projections/value-place.js';
import { suite } from '../suite.js';

const test = suite('value-loader');

const VALUE = '{"secret":"ü😀"}';
const BYTES = Buffer.from(VALUE);

/** A source with one text at one place of a segment and of a snapshot, which counts its reads. */
class OneText implements ValueSource {
  bytes: Buffer = BYTES;
  asked: (readonly number[])[] = [];
  /** Called before an answer; may throw or wait. */
  before: () => Promise<void> | void = () => undefined;

  async readText({ segment, offset, sizeBytes }: Parameters<ValueSource['readText']>[0]): Promise<Buffer> {
    return await this.#give([segment, offset, sizeBytes]);
  }

  async readSnapshotValue(seq: number, offset: number, sizeBytes: number): Promise<Buffer> {
    return await this.#give([-seq, offset, sizeBytes]);
  }

  async #give(asked: readonly number[]): Promise<Buffer> {
    this.asked.push(asked);
    await this.before();
    return this.bytes;
  }
}

const IN_SEGMENT: ValuePlace = { file: 7, offset: 100, sizeBytes: BYTES.length, crc: crc32(BYTES) };
const IN_SNAPSHOT = placeInSnapshot(9, { ...IN_SEGMENT, offset: 200 });

function loaderOf(source: ValueSource, cacheBytes = 100_000): ValueLoader {
  return new ValueLoader(source, new ValueCache(cacheBytes));
}

async function failureOf(loading: Promise<string>): Promise<Error> {
  return await loading.then(() => assert.fail('it was loaded'), (error: Error) => error);
}

/** A version of one key; seqs tell versions apart. */
function version(seq: number, key = 'k'): { readonly key: string; readonly seq: number } {
  return { key, seq };
}

test('a value is read at its place, in a segment or in a snapshot', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  assert.equal(await loader.load(version(1), IN_SEGMENT), VALUE);
  assert.equal(await loader.load(version(2), IN_SNAPSHOT), VALUE);
  assert.deepEqual(source.asked, [[7, 100, BYTES.length], [-9, 200, BYTES.length]]);
});

test('a version that was read twice recently is not read again, even if its place has changed', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  await loader.load(version(1), IN_SEGMENT);
  assert.equal(loader.cached(version(1)), undefined, 'once is not often');
  await loader.load(version(1), IN_SEGMENT);
  assert.equal(await loader.load(version(1), IN_SNAPSHOT), VALUE);
  assert.equal(loader.cached(version(1)), VALUE);
  assert.equal(source.asked.length, 2);
  assert.equal(loader.cached(version(2)), undefined);
  source.bytes = Buffer.from(VALUE.replace('s', 'S'));
  const place = { ...IN_SEGMENT, crc: crc32(source.bytes) };
  assert.equal(await loader.load(version(2), place), source.bytes.toString(), 'another version at the same place is another value');
});

test('two keys that one batch set have a value each, although their seq is one', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  for (let time = 0; time < 2; time += 1) await loader.load(version(1, 'a'), IN_SEGMENT);
  assert.equal(loader.cached(version(1, 'a')), VALUE);
  assert.equal(loader.cached(version(1, 'b')), undefined);
  source.bytes = Buffer.from(VALUE.replace('s', 'S'));
  assert.equal(await loader.load(version(1, 'b'), { ...IN_SEGMENT, crc: crc32(source.bytes) }), source.bytes.toString());
});

test('loaders that share a cache do not see each other\'s values', async () => {
  const cache = new ValueCache();
  const [one, other] = [new OneText(), new OneText()];
  const first = new ValueLoader(one, cache);
  await first.load(version(1), IN_SEGMENT);
  await first.load(version(1), IN_SEGMENT);
  const second = new ValueLoader(other, cache);
  assert.equal(second.cached(version(1)), undefined);
  await second.load(version(1), IN_SEGMENT);
  assert.equal(other.asked.length, 1);
});

test('a load without caching uses the cache but does not fill it', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  for (let time = 0; time < 3; time += 1) await loader.load(version(1), IN_SEGMENT, { isCached: false });
  assert.equal(loader.cached(version(1)), undefined);
  for (let time = 0; time < 2; time += 1) await loader.load(version(1), IN_SEGMENT);
  await loader.load(version(1), IN_SEGMENT, { isCached: false });
  assert.equal(source.asked.length, 5);
});

test('any flipped bit is refused on each read, counted, and reported without the value', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  for (let bit = 0; bit < BYTES.length * 8; bit += 1) {
    source.bytes = Buffer.from(BYTES);
    source.bytes[bit >> 3] = (source.bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const error = await failureOf(loader.load(version(1), IN_SEGMENT));
    assert.ok(error instanceof AppError && error.code === 'project_corrupt');
  }
  assert.equal(loader.damagedReads, BYTES.length * 8);
  source.bytes = BYTES;
  assert.equal(await loader.load(version(1), IN_SEGMENT), VALUE, 'what was refused is not cached');
  source.bytes = Buffer.from('x'.repeat(BYTES.length));
  const { message } = await failureOf(loader.load(version(42), IN_SNAPSHOT));
  assert.match(message, /the value of seq 42 in the snapshot of seq 9, "snap-0{19}9.json", at byte 200: .* CRC-32 differs/);
  assert.doesNotMatch(message, /secret|xxx/);
  assert.match((await failureOf(loader.load(version(43), IN_SEGMENT))).message, /the value of seq 43 in the segment of seq 7 at byte 100/);
});

test('fewer bytes, or more, are refused', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  for (const bytes of [BYTES.subarray(1), Buffer.concat([BYTES, BYTES]), Buffer.alloc(0)]) {
    source.bytes = bytes;
    const { message } = await failureOf(loader.load(version(1), IN_SEGMENT));
    assert.match(message, new RegExp(`found ${bytes.length} bytes instead of ${BYTES.length}`));
  }
  assert.equal(loader.damagedReads, 3);
});

test('a missing file is damage, and the cause is kept for the server log', async () => {
  const source = new OneText();
  const cause = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', errno: -2 });
  source.before = () => { throw cause; };
  const loader = loaderOf(source);
  const error = await failureOf(loader.load(version(1), IN_SNAPSHOT));
  assert.ok(error instanceof AppError && error.code === 'project_corrupt' && error.cause === cause);
  assert.equal(loader.damagedReads, 1);
});

/** Faults of a single read. */
const PASSING: Readonly<Record<string, (source: OneText) => void>> = {
  'is refused by the device': () => { throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO', errno: -5 }); },
  'finds other bytes': (source) => { source.bytes = Buffer.from('x'.repeat(BYTES.length)); },
  'finds no file': () => { throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', errno: -2 }); },
};
for (const [name, happen] of Object.entries(PASSING)) {
  test(`a read that ${name} is repeated once: only what both find is damage`, async () => {
    for (const [failures, isDamaged] of [[1, false], [2, true]] as const) {
      const source = new OneText();
      source.before = () => {
        source.bytes = BYTES;
        if (source.asked.length <= failures) happen(source);
      };
      const loader = loaderOf(source);
      const outcome = await loader.load(version(1), IN_SNAPSHOT).catch(({ code }: AppError) => code);
      assert.equal(outcome, isDamaged ? 'project_corrupt' : VALUE);
      assert.deepEqual([source.asked.length, loader.damagedReads, loader.damagedSnapshots.size], [2, isDamaged ? 1 : 0, isDamaged ? 1 : 0]);
      assert.equal(await loader.load(version(1), IN_SNAPSHOT), VALUE);
    }
  });
}

test('a temporary shortage and a shutdown are no damage', async () => {
  const source = new OneText();
  const loader = loaderOf(source);
  const shortage = Object.assign(new Error('too many'), { code: 'EMFILE', errno: -24 });
  for (const fault of [shortage, new AppError('shutting_down', 'It stops')]) {
    source.before = () => { throw fault; };
    assert.equal(await failureOf(loader.load(version(1), IN_SEGMENT)), fault);
  }
  assert.equal(loader.damagedReads, 0);
});

test('a value that was moved while its old file was removed is read at its new place', async () => {
  const source = new OneText();
  const place = { ...IN_SEGMENT };
  source.before = () => {
    if (source.asked.length > 1) return;
    place.file = IN_SNAPSHOT.file;
    place.offset = IN_SNAPSHOT.offset;
    throw new Error('the segment has gone');
  };
  const loader = loaderOf(source);
  assert.equal(await loader.load(version(1), place), VALUE);
  assert.deepEqual(source.asked, [[7, 100, BYTES.length], [-9, 200, BYTES.length]]);
  assert.equal(loader.damagedReads, 0);
});

test('a value that was moved during a successful read is returned', async () => {
  const source = new OneText();
  const place = { ...IN_SEGMENT };
  source.before = () => {
    place.file = IN_SNAPSHOT.file;
    place.offset = IN_SNAPSHOT.offset;
  };
  assert.equal(await loaderOf(source).load(version(1), place), VALUE);
  assert.equal(source.asked.length, 1);
});

test.run();
