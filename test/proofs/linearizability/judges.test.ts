/** The judges of histories, on histories made by hand: what is sound passes, and each planted anomaly is seen by those who must. */
import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { judgeByLog } from './log-witness.js';
import { judgeBySearch } from './order-search.js';
import { PLANTED_ANOMALIES, SOUND_HISTORIES } from './planted-anomalies.js';

const test = suite('linearizability/judges');

const ANOMALIES_MIN = 12;

for (const { name, history } of SOUND_HISTORIES) {
  test(`sound, and passes: ${name}`, () => {
    assert.deepEqual(judgeByLog(history), []);
    assert.deepEqual(judgeBySearch(history.operations), { kind: 'explained' });
  });
}

for (const { name, history, caughtBy, says } of PLANTED_ANOMALIES) {
  test(`planted, and caught by ${caughtBy.join(' and ')}: ${name}`, () => {
    const faults = judgeByLog(history);
    const verdict = judgeBySearch(history.operations);
    const caught = [...(faults.length > 0 ? ['log'] : []), ...(verdict.kind === 'impossible' ? ['search'] : [])];
    assert.deepEqual(caught, caughtBy, `${verdict.kind}, ${faults.join('\n')}`);
    assert.match(faults.join('\n'), says ?? /./);
  });
}

test('there are anomalies for each judge', () => {
  for (const judge of ['log', 'search'] as const) {
    assert.ok(PLANTED_ANOMALIES.filter(({ caughtBy }) => caughtBy.includes(judge)).length >= ANOMALIES_MIN, judge);
  }
});

test('a search that takes too long is given up, and has shown nothing', () => {
  // Puts beside each other that are followed by a read of a value that none of them wrote: every order has to be tried.
  const puts = Array.from({ length: 22 }, (_, index) => ({
    id: `p${index}`, kind: 'put' as const, key: 'a', value: `v${index}`, condition: null, begin: index + 1, end: 100 + index,
    outcome: { kind: 'unknown' as const },
  }));
  const read = {
    id: 'r', kind: 'get' as const, key: 'a', value: null, condition: null, begin: 200, end: 201,
    outcome: { kind: 'found' as const, seq: 1, value: 'other' },
  };
  assert.deepEqual(judgeBySearch([...puts, read], 50), { kind: 'given up', key: 'a' });
});

test.run();
