/** The text of a line for a person. */
import assert from 'node:assert/strict';
import { eventText } from '../../src/cli/event-text.js';
import type { KeyChanged } from '../../src/events/event.js';
import { suite } from '../suite.js';

const test = suite('cli/event-text');

const ACTOR = 'project:shop#0123456789abcdef';
const START = '     7  2026-11-29T10:00:00.123Z';

function line(op: string, changes: readonly KeyChanged[], fields = '', isErased = false): Parameters<typeof eventText>[0] {
  return { seq: 7, timeMs: Date.UTC(2026, 10, 29, 10, 0, 0, 123), op, actor: ACTOR, fields, isErased, changes: () => changes };
}

test('a line has seq, time, operation, actor, key and value', () => {
  const set = line('set', [{ op: 'set', key: 'say "ä"', value: '{"n": 1.0}' }]);
  assert.equal(eventText(set, false), `${START}  set     ${ACTOR}  "say \\"ä\\"" {"n": 1.0}\n`);
  assert.equal(eventText(line('delete', [{ op: 'delete', key: 'a' }]), false), `${START}  delete  ${ACTOR}  "a"\n`);
  assert.equal(eventText(line('clear', [], '"count":3'), false), `${START}  clear   ${ACTOR}  "count":3\n`);
});

test('a line whose values were erased says so', () => {
  const erased = line('set', [{ op: 'set', key: 'a', value: 'null' }], '"key":"a"', true);
  assert.equal(eventText(erased, false), `${START}  set     ${ACTOR}  "a" erased\n`);
});

test('a long value and long fields are cut off between two characters', () => {
  const set = eventText(line('set', [{ op: 'set', key: 'a', value: `"${'😀'.repeat(100_000)}"` }]), false);
  assert.ok(set.endsWith(` "a" "${'😀'.repeat(59)}…\n`), set);
  const fits = eventText(line('set', [{ op: 'set', key: 'a', value: `"${'x'.repeat(58)}"` }]), false);
  assert.ok(fits.endsWith(` "a" "${'x'.repeat(58)}"\n`), fits);
  assert.ok(eventText(line('project.create', [], `"settings":${'1'.repeat(500)}`), false).endsWith(`${'1'.repeat(109)}…\n`));
});

test('a batch has a line for each change, up to twenty', () => {
  const few: KeyChanged[] = [{ op: 'set', key: 'a', value: '1' }, { op: 'delete', key: 'b' }];
  assert.equal(eventText(line('batch', few), false), `${START}  batch   ${ACTOR}  2 changes\n        set     "a" 1\n        delete  "b"\n`);
  const many = Array.from({ length: 25 }, (_, index): KeyChanged => ({ op: 'delete', key: `k${index}` }));
  assert.match(eventText(line('batch', many), false), /  25 changes\n(?: {8}delete {2}"k\d+"\n){20} {8}and 5 more\n$/);
});

test('what expires is shown with its time, and keys that have expired as a line for each, up to twenty', () => {
  const until = line('set.until', [{ op: 'set.until', expires_at: '2026-11-29T11:00:00.000Z', key: 'a', value: '1' }]);
  assert.equal(eventText(until, false), `${START}  set.until  ${ACTOR}  "a" expires 2026-11-29T11:00:00.000Z 1\n`);
  const touch = line('touch', [{ op: 'touch', expires_at: null, key: 'a' }]);
  assert.equal(eventText(touch, false), `${START}  touch   ${ACTOR}  "a" expires never\n`);
  const expired = (count: number): string => (
    eventText(line('expire', Array.from({ length: count }, (_, index): KeyChanged => ({ op: 'expire', key: `k${index}` }))), false)
  );
  assert.equal(expired(1), `${START}  expire  ${ACTOR}  "k0"\n`);
  assert.equal(expired(2), `${START}  expire  ${ACTOR}  2 keys\n        expire  "k0"\n        expire  "k1"\n`);
  assert.match(expired(1000), /  1000 keys\n(?: {8}expire {2}"k\d+"\n){20} {8}and 980 more\n$/);
});

test('nothing in a key or a value controls the terminal', () => {
  const value = '"\u009b31m\u202eevil\u007f"';
  const text = eventText(line('set', [{ op: 'set', key: 'a\u009bb', value }]), false);
  assert.ok(text.endsWith(' "a\\u009bb" "\\u009b31m\\u202eevil\\u007f"\n'), text);
});

test('colours are used only where they are asked for', () => {
  const coloured = eventText(line('batch', [{ op: 'delete', key: 'b' }]), true);
  assert.ok(coloured.includes('\u001b[36mbatch') && coloured.includes('\u001b[31mdelete'), coloured);
  assert.equal(coloured.replace(/\u001b\[\d+m/g, ''), eventText(line('batch', [{ op: 'delete', key: 'b' }]), false));
});

test.run();
