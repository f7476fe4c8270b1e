/** Commands whose right ends while they wait: who is asked when, and what stands in the log. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import type { CommandContext } from '../../src/store/command.js';
import { suite } from '../suite.js';
import { CONTEXT, isRefusal, set, storeInMemory, storeOnScript, submitWatched } from './created-store.js';
import { settled } from './scripted-log.js';

const test = suite('lapsed rights in a store');

/** A right that ends when the test says so. */
function endingRight(): { readonly context: CommandContext; end: () => void; asked: number } {
  let isOver = false;
  const right = {
    asked: 0,
    end: (): void => void (isOver = true),
    context: {
      ...CONTEXT,
      assertAllowed: (): void => {
        right.asked += 1;
        if (isOver) throw new AppError('unauthorized', 'Cannot do this any more');
      },
    },
  };
  return right;
}

test('the authorization is checked when the command is decided, and a valid one changes nothing', async () => {
  const store = await storeInMemory();
  const right = endingRight();
  const submitted = store.submit(set('a'), right.context);
  assert.equal(right.asked, 0);
  assert.equal((await submitted).seq, 2);
  assert.equal(right.asked, 1);
});

test('a command whose authorization ended while it was queued is refused, and the others of its batch run', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('first'));
  await settled();
  const right = endingRight();
  const [before, late, after] = [submitWatched(store, set('a')), store.submit(set('late'), right.context), submitWatched(store, set('b'))];
  right.end();
  const refused = assert.rejects(late, isRefusal('unauthorized'));
  await log.letThrough();
  await log.letThrough();
  await refused;
  await Promise.all([first.settled, before.settled, after.settled]);
  assert.deepEqual([log.batches.map((ops) => ops.length), store.values.keys({}, 9)], [[1, 2], ['a', 'b', 'first']]);
});

test('commands queued behind submitAlone() are decided after its consequences are in force', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('first'));
  await settled();
  const right = endingRight();
  const late = assert.rejects(store.submit(set('late'), right.context), isRefusal('unauthorized'));
  const alone = store.submitAlone({ type: 'project.key', keyId: 'k2' }, CONTEXT, right.end);
  const behind = submitWatched(store, set('behind'));
  for (let appends = 0; appends < 3; appends += 1) await log.letThrough();
  await Promise.all([first.settled, late, behind.settled]);
  assert.equal((await alone).seq, 3);
  assert.deepEqual(log.batches, [['set'], ['project.key'], ['set']]);
  assert.deepEqual(store.values.keys({}, 9), ['behind', 'first']);
});

test('a failed submitAlone() puts nothing into force and blocks nothing', async () => {
  const { store, log } = await storeOnScript();
  const right = endingRight();
  const alone = store.submitAlone({ type: 'project.key', keyId: 'k2' }, CONTEXT, right.end);
  const write = submitWatched(store, set('a'));
  const failed = assert.rejects(alone, isRefusal('disk_full'));
  await log.fail(new AppError('disk_full', 'Cannot append to the log: the disk is full'));
  await failed;
  await log.letThrough();
  await write.settled;
  right.context.assertAllowed?.();
  assert.deepEqual([store.version.keyId, write.outcome], [null, 'done']);
});

test.run();
