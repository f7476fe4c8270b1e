import assert from 'node:assert/strict';
import { bulkSort, type SortedRows } from '../../../src/projections/key-index/bulk-sort.js';
import { suite } from '../../suite.js';

const test = suite('bulk-sort');

const HEAD_BYTES = 6;
const DELETED_HEAD = 2 ** 48 - 1;

/** Keys by row; undefined: deleted. */
class Keys implements SortedRows {
  readonly #bytes: (Buffer | undefined)[];

  constructor(keys: readonly string[]) {
    this.#bytes = keys.map((key) => Buffer.from(key));
  }

  delete(row: number): void {
    this.#bytes[row] = undefined;
  }

  compare(row: number, other: number): number {
    const [one, two] = [this.#bytes[row], this.#bytes[other]];
    return one === undefined || two === undefined ? Number(one === undefined) - Number(two === undefined) : Buffer.compare(one, two);
  }

  bytesOf(row: number): Buffer | undefined {
    return this.#bytes[row];
  }

  sharedBytes(row: number, others: Uint8Array): number {
    const bytes = this.#bytes[row];
    if (bytes === undefined) return others.length;
    let shared = 0;
    while (shared < others.length && shared < bytes.length && bytes[shared] === others[shared]) shared += 1;
    return shared;
  }

  headOf(row: number, skippedBytes: number): number {
    const bytes = this.#bytes[row];
    if (bytes === undefined) return DELETED_HEAD;
    const head = Buffer.alloc(HEAD_BYTES);
    bytes.subarray(skippedBytes).copy(head);
    return head.readUIntBE(0, HEAD_BYTES);
  }
}

/** Sorts, and deletes a key after each of some steps. Returns the rest in their order, and the number of steps. */
function sorted(texts: readonly string[], deleted: readonly number[] = []): { readonly keys: string[]; readonly steps: number } {
  const keys = new Keys(texts);
  const rows = Uint32Array.from(texts, (_, row) => row);
  let steps = 0;
  for (const _ of bulkSort(rows, keys)) {
    const row = deleted[steps];
    if (row !== undefined) keys.delete(row);
    steps += 1;
  }
  for (const row of deleted) keys.delete(row);
  return { keys: [...rows].filter((row) => keys.bytesOf(row) !== undefined).map((row) => texts[row] as string), steps };
}

function inOrder(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function shuffled(count: number, keyOf: (number: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => keyOf((index * 7919) % count));
}

const SETS: Readonly<Record<string, readonly string[]>> = {
  'no keys': [],
  'one key': ['a'],
  'few keys': ['b', 'a', '\u{1f600}', '\uffff', 'a\0'],
  'numbers with a prefix': shuffled(20_011, (number) => `user/${number}`),
  'numbers with leading zeros': shuffled(20_011, (number) => `user/${String(number).padStart(12, '0')}`),
  'one outlier before a long prefix': ['z', ...shuffled(5003, (number) => `a/prefix/of/many/bytes/${number % 71}/${number}`)],
  'few groups of many with equal heads': shuffled(9001, (number) => `tenant-${number % 3}/session/${number}`),
  'each the prefix of the next': shuffled(1201, (number) => 'p'.repeat(number + 1)),
  'ends of zero bytes': shuffled(1201, (number) => `a${'\0'.repeat(number)}`),
  'beyond the Basic Multilingual Plane': shuffled(3001, (number) => `${number % 2 === 0 ? '\u{1f600}' : '\uffff'}${number}`),
};

for (const [name, keys] of Object.entries(SETS)) {
  test(`${name}: the order is that of the bytes`, () => {
    assert.deepEqual(sorted(keys).keys, inOrder(keys));
  });

  test(`${name}: keys that are deleted meanwhile leave the others in order`, () => {
    const { steps } = sorted(keys);
    const everyThird = keys.map((_, row) => row).filter((row) => row % 3 === 0).slice(0, Math.max(1, steps));
    const gone = new Set(everyThird);
    const rest = keys.filter((_, row) => !gone.has(row));
    assert.deepEqual(sorted(keys, everyThird).keys, inOrder(rest));
  });
}

test('all keys may be deleted meanwhile', () => {
  const keys = shuffled(3001, (number) => `k${number}`);
  const all = new Keys(keys);
  const rows = Uint32Array.from(keys, (_, row) => row);
  const steps = bulkSort(rows, all);
  steps.next();
  for (const row of rows) all.delete(row);
  for (const _ of steps);
  assert.deepEqual([...rows].sort((a, b) => a - b), keys.map((_, row) => row));
});

test('a hundred thousand keys take steps of which none handles more than some thousands', () => {
  const { steps } = sorted(shuffled(100_003, (number) => `user/${number}`));
  assert.ok(steps >= 30, `${steps} steps`);
});

test.run();
