import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DerivationLine } from '../../src/auth/derivation-line.js';
import { suite } from '../suite.js';

const test = suite('derivation-line');

const MAX = 100;

interface Caller {
  readonly name: string;
  readonly scope: string;
  readonly address: string;
}

function caller(name: string, scope = 'global', address = 'a'): Caller {
  return { name, scope, address };
}

/** Draws the longest wait, where a test is not about the lot. */
const first = (): number => 0;

/** Takes everybody out, one after another. */
function serveAll(line: DerivationLine<Caller>): string[] {
  const names: string[] = [];
  for (let next = line.next(); next !== undefined; next = line.next()) names.push(next.name);
  return names;
}

test('of callers of one address and scope, one is drawn by lot and the next is the one that has waited longest', () => {
  const counts: number[] = [];
  const line = new DerivationLine<Caller>(MAX, (count) => {
    counts.push(count);
    return count - 1;
  });
  for (const name of ['1', '2', '3', '4', '5']) line.add(caller(name));
  assert.deepEqual([serveAll(line), counts], [['5', '1', '4', '2', '3'], [5, 3, 1]]);
  assert.equal(line.next(), undefined);
});

test('the lot is drawn among the callers of the address whose turn it is, and of no other', () => {
  const line = new DerivationLine<Caller>(MAX, (count) => count - 1);
  for (const name of ['a1', 'a2', 'a3']) line.add(caller(name, 'global', 'a'));
  assert.equal(line.next()?.name, 'a3');
  for (const name of ['b1', 'b2']) line.add(caller(name, 'global', 'b'));
  assert.deepEqual(serveAll(line), ['a1', 'b2', 'a2', 'b1']);
});

test('a client that gives up before the line has passed, and comes again, is served in the end', () => {
  const line = new DerivationLine<Caller>(1000);
  for (let index = 0; index < 200; index += 1) line.add(caller(`flood ${index}`));
  // Each try waits for 10 turns, of which 5 are drawn among 201: 2000 tries all fail once in 10^20 runs.
  const isServed = (round: number): boolean => {
    const mine = caller('mine');
    line.add(mine);
    for (let turn = 0; turn < 10; turn += 1) {
      if (line.next() === mine) return true;
      line.add(caller(`flood again ${round} ${turn}`));
    }
    line.remove(mine);
    return false;
  };
  assert.ok(Array.from({ length: 2000 }, (_, round) => round).some(isServed));
});

test('a caller from another address passes a flood, and one for another project does', () => {
  const line = new DerivationLine<Caller>(MAX, first);
  for (let index = 0; index < 50; index += 1) line.add(caller(`flood ${index}`, 'project:a', 'evil'));
  assert.equal(line.next()?.name, 'flood 0');
  line.add(caller('another address', 'project:a', 'good'));
  line.add(caller('another project', 'project:b', 'evil'));
  const served = serveAll(line);
  assert.ok(served.indexOf('another project') < 2, served.join());
  assert.ok(served.indexOf('another address') < 4, served.join());
});

test('a scope that was served lately comes after one that was not', () => {
  const line = new DerivationLine<Caller>(MAX, first);
  for (const name of ['a1', 'a2', 'a3']) line.add(caller(name, 'a'));
  for (const name of ['b1', 'b2']) line.add(caller(name, 'b'));
  assert.deepEqual(serveAll(line), ['a1', 'b1', 'a2', 'b2', 'a3']);
});

test('who waits longest is not starved by ever new addresses', () => {
  const line = new DerivationLine<Caller>(MAX, first);
  line.add(caller('before', 'global', 'shared'));
  line.next();
  line.add(caller('waits', 'global', 'shared'));
  const served: string[] = [];
  for (let index = 0; index < 4; index += 1) {
    line.add(caller(`new ${index}`, 'global', `address ${index}`));
    served.push(line.next()?.name ?? '');
  }
  assert.ok(served.indexOf('waits') !== -1 && served.indexOf('waits') < 2, served.join());
});

test('whatever waits and comes, no caller waits longer than the bound says', () => {
  const anyCaller = fc.record({ scope: fc.constantFrom('s1', 's2', 's3'), address: fc.constantFrom('a', 'b', 'c', 'd') });
  fc.assert(fc.property(fc.array(anyCaller, { maxLength: 20 }), fc.array(anyCaller, { minLength: 200, maxLength: 200 }), anyCaller, (
    before, after, mine,
  ) => {
    const line = new DerivationLine<Caller>(1000);
    for (const each of before) line.add({ name: 'before', ...each });
    line.add({ name: 'mine', ...mine });
    const bound = 3 * 2 * (before.filter(({ scope }) => scope === mine.scope).length + 1);
    let count = 0;
    for (const each of after) {
      line.add({ name: 'after', ...each });
      count += 1;
      if (line.next()?.name === 'mine') break;
    }
    assert.ok(count <= bound, `${count} served, the bound is ${bound}`);
  }));
});

test('who left is not served, and leaving twice does no harm', () => {
  const line = new DerivationLine<Caller>(MAX, first);
  const leaves = caller('leaves');
  line.add(leaves);
  line.add(caller('stays'));
  line.remove(leaves);
  line.remove(leaves);
  assert.deepEqual(serveAll(line), ['stays']);
});

test('in a full line the address with the most places gives up its newest, so that a flood pushes out itself', () => {
  const line = new DerivationLine<Caller>(3, first);
  for (const name of ['1', '2', '3']) assert.equal(line.add(caller(name, 'global', 'evil')), undefined);
  assert.equal(line.add(caller('4', 'global', 'evil'))?.name, '4');
  assert.equal(line.add(caller('good', 'global', 'good'))?.name, '3');
  assert.equal(line.add(caller('elsewhere', 'project:b', 'evil'))?.name, '2');
  assert.equal(line.add(caller('late', 'global', 'late'))?.name, 'late');
  assert.deepEqual(serveAll(line).sort(), ['1', 'elsewhere', 'good']);
});

test.run();
