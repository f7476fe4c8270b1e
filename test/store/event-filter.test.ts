import assert from 'node:assert/strict';
import { encodeEvent } from '../../src/events/codec.js';
import type { ProjectEvent } from '../../src/events/event.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { type EventFilter, matcherOf } from '../../src/store/event-filter.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('event-filter');

async function lineOf(key: string, value = '1', actor = 'anonymous') {
  const log = new MemoryLog({ project: 'p', logId: '0'.repeat(32) });
  await log.append([{ ...encodeEvent({ op: 'set', key, value }), actor, request: 'r' }], 0);
  for await (const { lines: [line] } of log.scan({ fromSeq: 1, toSeq: 1 })) if (line !== undefined) return line;
  throw new Error('There is a line');
}

async function isMatch(filter: EventFilter, ...parts: Parameters<typeof lineOf>): Promise<boolean> {
  const line = await lineOf(...parts);
  const { wanted, matches } = matcherOf(filter);
  const isFound = wanted === undefined || wanted.some((bytes) => line.text.includes(bytes));
  if (matches(line)) assert.ok(isFound, 'a line that matches contains the wanted bytes');
  return isFound && matches(line);
}

test('no filter matches everything', async () => {
  assert.ok(await isMatch({}, 'a'));
  assert.equal(matcherOf({}).wanted, undefined);
});

test('a key is matched whole, and not inside a value or another field', async () => {
  assert.ok(await isMatch({ key: 'user/1' }, 'user/1'));
  for (const key of ['user/12', 'user/', 'User/1', 'xuser/1']) assert.ok(!(await isMatch({ key: 'user/1' }, key)), key);
  assert.ok(!(await isMatch({ key: 'a' }, 'b', '{"x":"y","key":"a","value":1}')));
  assert.ok(!(await isMatch({ op: 'delete' }, 'b', '{"seq":1,"op":"delete","actor":"x"}')));
  assert.ok(!(await isMatch({ actor: 'x' }, 'b', '{"op":"delete","actor":"x","request":""}')));
});

test('all conditions have to hold', async () => {
  assert.ok(await isMatch({ prefix: 'us', op: 'set', actor: 'anonymous' }, 'user'));
  assert.ok(!(await isMatch({ prefix: 'us', op: 'delete' }, 'user')));
  assert.ok(!(await isMatch({ prefix: 'us', actor: 'global#1' }, 'user')));
  assert.ok(!(await isMatch({ key: 'user', prefix: 'x' }, 'user')));
});

test('a batch matches if one of its operations does', async () => {
  const log = new MemoryLog({ project: 'p', logId: '0'.repeat(32) });
  const ops = '[{"op":"set","key":"a","value":{"key":"x","op":"clear"}},{"op":"delete","key":"user/1"}]';
  await log.append([{ op: 'batch', body: `"ops":${ops}`, actor: 'anonymous', request: 'r' }], 0);
  for await (const { lines: [line] } of log.scan({ fromSeq: 1, toSeq: 1 })) {
    assert.ok(line);
    const is = (filter: EventFilter): boolean => {
      const { wanted, matches } = matcherOf(filter);
      if (matches(line)) assert.ok(wanted === undefined || wanted.some((bytes) => line.text.includes(bytes)), JSON.stringify(filter));
      return matches(line);
    };
    for (const filter of [
      {}, { key: 'a' }, { key: 'user/1' }, { prefix: 'user/' }, { op: 'set' }, { op: 'delete' }, { op: 'batch' }, { op: 'batch', key: 'a' },
      { op: 'set', key: 'a' }, { actor: 'anonymous', op: 'delete', prefix: 'u' },
    ]) assert.ok(is(filter), JSON.stringify(filter));
    for (const filter of [
      { key: 'x' }, { op: 'clear' }, { op: 'delete', key: 'a' }, { op: 'batch', key: 'x' }, { prefix: 'x' }, { actor: 'other' },
      { key: 'user' },
    ]) assert.ok(!is(filter), JSON.stringify(filter));
  }
});

/** Whether the line of an event matches; if so, it must have one of the bytes that are searched for. */
async function isEventMatch(event: ProjectEvent, filter: EventFilter): Promise<boolean> {
  const log = new MemoryLog({ project: 'p', logId: '0'.repeat(32) });
  await log.append([{ ...encodeEvent(event), actor: 'project:p#3f2a9c0d11e8b7a6', request: 'r' }], 0);
  for await (const { lines: [line] } of log.scan({ fromSeq: 1, toSeq: 1 })) {
    assert.ok(line);
    const { wanted, matches } = matcherOf(filter);
    if (matches(line)) assert.ok(wanted === undefined || wanted.some((bytes) => line.text.includes(bytes)), JSON.stringify(filter));
    return matches(line);
  }
  throw new Error('There is a line');
}

test('a deletion of all keys, and of a range that has it, belongs to the history of a key', async () => {
  const all: ProjectEvent = { op: 'clear', count: 3 };
  const range: ProjectEvent = { op: 'clear.range', prefix: 'user/', start: null, end: 'user/5', count: 3 };
  for (const filter of [{ key: 'user/1' }, { prefix: 'user/' }, { prefix: 'u' }, { prefix: 'user/1', actor: 'p#3f2a' }]) {
    for (const event of [all, range]) assert.ok(await isEventMatch(event, filter), JSON.stringify([event, filter]));
  }
  assert.ok(await isEventMatch(all, { key: 'x', op: 'clear' }));
  assert.ok(await isEventMatch(range, { key: 'user/1', op: 'clear.range' }));
  for (const filter of [
    { key: 'user/6' }, { key: 'use' }, { prefix: 'user/6' }, { prefix: 'x' }, { key: 'user/1', op: 'delete' },
    { key: 'user/1', op: 'clear' }, { key: 'user/1', actor: 'other' }, { key: 'user/1', prefix: 'x' },
  ]) assert.ok(!(await isEventMatch(range, filter)), JSON.stringify(filter));
  assert.ok(!(await isEventMatch(all, { key: 'x', op: 'set' })));
});

test('an actor is found by a part of its name', async () => {
  for (const actor of ['anonymous', 'nony', 'a']) assert.ok(await isMatch({ actor }, 'k'), actor);
  assert.ok(!(await isMatch({ actor: 'Anonymous' }, 'k')));
});

test('keys and prefixes of any characters match as their texts do', async () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((key) => !/\p{Cc}/u.test(key));
  await fc.assert(fc.asyncProperty(text, text, async (key, other) => {
    assert.ok(await isMatch({ key }, key));
    assert.equal(await isMatch({ key: other }, key), other === key);
    assert.ok(await isMatch({ prefix: key }, key + other));
    assert.equal(await isMatch({ prefix: other }, key), key.startsWith(other));
  }));
});

test.run();
