import assert from 'node:assert/strict';
import { FairQueue } from '../../src/auth/fair-queue.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('fair-queue');

const MAX = 100;

interface Caller {
  readonly name: string;
  readonly scope: string;
  readonly address: string;
}

function caller(name: string, scope = 'global', address = 'a'): Caller {
  return { name, scope, address };
}

/** Draws the longest wait, for tests that are not about the random draw. */
const first = (): number => 0;

/** Serves every entry. */
function serveAll(queue: FairQueue<Caller>): string[] {
  const names: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) names.push(next.name);
  return names;
}

test('among entries of one address and scope, a random one and the longest wait alternate', () => {
  const counts: number[] = [];
  const queue = new FairQueue<Caller>(MAX, (count) => {
    counts.push(count);
    return count - 1;
  });
  for (const name of ['1', '2', '3', '4', '5']) queue.add(caller(name));
  assert.deepEqual([serveAll(queue), counts], [['5', '1', '4', '2', '3'], [5, 3, 1]]);
  assert.equal(queue.next(), undefined);
});

test('the random draw covers only the entries of the address whose turn it is', () => {
  const queue = new FairQueue<Caller>(MAX, (count) => count - 1);
  for (const name of ['a1', 'a2', 'a3']) queue.add(caller(name, 'global', 'a'));
  assert.equal(queue.next()?.name, 'a3');
  for (const name of ['b1', 'b2']) queue.add(caller(name, 'global', 'b'));
  assert.deepEqual(serveAll(queue), ['a1', 'b2', 'a2', 'b1']);
});

test('a client that keeps giving up and retrying is served eventually', () => {
  const queue = new FairQueue<Caller>(1000);
  for (let index = 0; index < 200; index += 1) queue.add(caller(`flood ${index}`));
  // Each try waits for 10 turns, of which 5 are drawn among 201: 2000 tries all fail once in 10^20 runs.
  const isServed = (round: number): boolean => {
    const mine = caller('mine');
    queue.add(mine);
    for (let turn = 0; turn < 10; turn += 1) {
      if (queue.next() === mine) return true;
      queue.add(caller(`flood again ${round} ${turn}`));
    }
    queue.remove(mine);
    return false;
  };
  assert.ok(Array.from({ length: 2000 }, (_, round) => round).some(isServed));
});

test('a caller from another address overtakes a flood, and so does one for another project', () => {
  const queue = new FairQueue<Caller>(MAX, first);
  for (let index = 0; index < 50; index += 1) queue.add(caller(`flood ${index}`, 'project:a', 'evil'));
  assert.equal(queue.next()?.name, 'flood 0');
  queue.add(caller('another address', 'project:a', 'good'));
  queue.add(caller('another project', 'project:b', 'evil'));
  const served = serveAll(queue);
  assert.ok(served.indexOf('another project') < 2, served.join());
  assert.ok(served.indexOf('another address') < 4, served.join());
});

test('the scope served least recently is next', () => {
  const queue = new FairQueue<Caller>(MAX, first);
  for (const name of ['a1', 'a2', 'a3']) queue.add(caller(name, 'a'));
  for (const name of ['b1', 'b2']) queue.add(caller(name, 'b'));
  assert.deepEqual(serveAll(queue), ['a1', 'b1', 'a2', 'b2', 'a3']);
});

test('the longest wait is not starved by a stream of new addresses', () => {
  const queue = new FairQueue<Caller>(MAX, first);
  queue.add(caller('before', 'global', 'shared'));
  queue.next();
  queue.add(caller('waits', 'global', 'shared'));
  const served: string[] = [];
  for (let index = 0; index < 4; index += 1) {
    queue.add(caller(`new ${index}`, 'global', `address ${index}`));
    served.push(queue.next()?.name ?? '');
  }
  assert.ok(served.indexOf('waits') !== -1 && served.indexOf('waits') < 2, served.join());
});

test('no caller waits longer than the documented bound', () => {
  const anyCaller = fc.record({ scope: fc.constantFrom('s1', 's2', 's3'), address: fc.constantFrom('a', 'b', 'c', 'd') });
  fc.assert(fc.property(fc.array(anyCaller, { maxLength: 20 }), fc.array(anyCaller, { minLength: 200, maxLength: 200 }), anyCaller, (
    before, after, mine,
  ) => {
    const queue = new FairQueue<Caller>(1000);
    for (const each of before) queue.add({ name: 'before', ...each });
    queue.add({ name: 'mine', ...mine });
    const bound = 3 * 2 * (before.filter(({ scope }) => scope === mine.scope).length + 1);
    let count = 0;
    for (const each of after) {
      queue.add({ name: 'after', ...each });
      count += 1;
      if (queue.next()?.name === 'mine') break;
    }
    assert.ok(count <= bound, `${count} served, the bound is ${bound}`);
  }));
});

test('a removed entry is not served, and removing it twice is harmless', () => {
  const queue = new FairQueue<Caller>(MAX, first);
  const leaves = caller('leaves');
  queue.add(leaves);
  queue.add(caller('stays'));
  queue.remove(leaves);
  queue.remove(leaves);
  assert.deepEqual(serveAll(queue), ['stays']);
});

test('a full queue evicts the newest entry of the address with the most entries, so a flood evicts itself', () => {
  const queue = new FairQueue<Caller>(3, first);
  for (const name of ['1', '2', '3']) assert.equal(queue.add(caller(name, 'global', 'evil')), undefined);
  assert.equal(queue.add(caller('4', 'global', 'evil'))?.name, '4');
  assert.equal(queue.add(caller('good', 'global', 'good'))?.name, '3');
  assert.equal(queue.add(caller('elsewhere', 'project:b', 'evil'))?.name, '2');
  assert.equal(queue.add(caller('late', 'global', 'late'))?.name, 'late');
  assert.deepEqual(serveAll(queue).sort(), ['1', 'elsewhere', 'good']);
});

test.run();
