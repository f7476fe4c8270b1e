/** What a browser has to load. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';

const test = suite('web size');

const FIRST_BYTES_MAX = 60_000;
const ALL_BYTES_MAX = 200_000;
const FOLDER = path.join(path.dirname(MAIN), 'ui');
const ASSETS = path.join(FOLDER, 'assets');

function packedBytes(names: Iterable<string>): number {
  return [...names].reduce((sum, name) => sum + readFileSync(path.join(ASSETS, `${name}.gz`)).length, 0);
}

/** The parts that a part imports when it is loaded, and theirs. */
function withImports(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const text = readFileSync(path.join(ASSETS, name), 'utf8');
  for (const [, imported = ''] of text.matchAll(/(?:\bfrom|\bimport)\s*["'`]\.\/([\w.-]+)["'`]/g)) withImports(imported, found);
  return found;
}

test('the page is at most 60 kB before a value is opened, and 200 kB with all its parts', () => {
  const page = readFileSync(path.join(FOLDER, 'index.html'), 'utf8');
  const first = new Set<string>();
  for (const [, name = ''] of page.matchAll(/(?:src|href)="assets\/([^"]+)"/g)) {
    if (name.endsWith('.js')) withImports(name, first);
    else first.add(name);
  }
  const all = readdirSync(ASSETS).filter((name) => !name.endsWith('.gz'));
  assert.ok(first.size > 2 && first.size < all.length, [...first].join(' '));
  const sizes = { first: packedBytes(first) + page.length, all: packedBytes(all) + page.length };
  assert.ok(sizes.first <= FIRST_BYTES_MAX, `${sizes.first} bytes at first`);
  assert.ok(sizes.all <= ALL_BYTES_MAX, `${sizes.all} bytes in all`);
});

test.run();
