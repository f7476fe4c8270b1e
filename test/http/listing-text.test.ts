import assert from 'node:assert/strict';
import { type ListingText, writeListing } from '../../src/http/listing-text.js';
import { KeyValues } from '../../src/projections/key-values.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { ValueLoader, type ValueSource } from '../../src/projections/value-loader.js';
import { ProjectReads } from '../../src/store/project-reads.js';
import { suite } from '../suite.js';

const test = suite('listing-text');

const KEYS = 5000;

/** A store with values in memory only. */
function storeOf(values: KeyValues): Parameters<typeof writeListing>[0] {
  return { reads: new ProjectReads(values, new ValueLoader({} as ValueSource, new ValueCache()), () => 0) };
}

function filled(valueOf: (number: number) => string, count: number = KEYS): KeyValues {
  const values = new KeyValues();
  for (let number = 0; number < count; number += 1) {
    const version = { seq: number + 1, tag: number, timeMs: 0, expiresAtMs: null };
    values.restore(`k${String(number).padStart(5, '0')}`, { value: valueOf(number), ...version });
  }
  return values;
}

async function list(values: KeyValues): Promise<ListingText> {
  return await writeListing(storeOf(values), {}, { withValues: true, admit: () => undefined, nextTurn: () => Promise.resolve() });
}

/** The whole text, of which each part is copied before the next one is asked for, and the blocks of memory that the parts lay in. */
async function textOf(listing: ListingText): Promise<{ readonly text: string; readonly memory: ReadonlySet<ArrayBufferLike> }> {
  const memory = new Set<ArrayBufferLike>();
  let text = '';
  for await (const part of Buffer.isBuffer(listing) ? [listing] : listing) {
    memory.add(part.buffer);
    text += part.toString();
  }
  return { text, memory };
}

function expectedOf(values: KeyValues): string {
  return `{${values.slice({}, KEYS).entries.map(([key, { value }]) => `${JSON.stringify(key)}:${value as string}`).join(',')}}`;
}

test('the pieces of a listing use the same memory, one after another', async () => {
  const values = filled((number) => `"${'v'.repeat(90 + (number % 20))}"`);
  const { text, memory } = await textOf(await list(values));
  assert.ok(text === expectedOf(values));
  // The last part is a copy, with the closing brace.
  assert.equal(memory.size, 2);
});

test('pieces of any size are complete, whatever the size of the memory that they use again', async () => {
  const long = 1_000_000;
  const values = filled((number) => `"${'v'.repeat(number === 2500 ? long : number / 50)}"`);
  const { text } = await textOf(await list(values));
  assert.ok(text === expectedOf(values));
});

test('a listing of one piece is one text', async () => {
  const values = filled(() => '1', 999);
  const listing = await list(values);
  assert.ok(Buffer.isBuffer(listing));
  assert.equal(listing.toString(), expectedOf(values));
});

test.run();
