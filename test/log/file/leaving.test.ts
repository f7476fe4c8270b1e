/** A project that leaves the disk: its files are kept under their names in a folder of their own. */
import assert from 'node:assert/strict';
import { CHANGING_METHODS, type FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { LOSSES } from './crash-scenario.js';
import { ACTIVE, createLog, diskWith, emptyDisk, HOME, homeOn, LOG_ID, openLog, OPTIONS, PROJECT, SMALL_SEGMENTS } from './log-fixture.js';

const test = suite('FileHome.leave');
const LEFT = `${HOME}/_left/${PROJECT}-${LOG_ID}`;
const OTHER_ID = 'e'.repeat(32);

async function leavingDisk(): Promise<FaultDisk> {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  disk.put(`${HOME}/${PROJECT}.json`, '{}');
  return disk.crash();
}

/** The expected contents after all files have been moved. */
function movedContents(disk: FaultDisk): Map<string, Buffer> {
  return new Map([...disk.contents()].map(([name, bytes]) => [name.startsWith(LEFT) ? name : name.replace(HOME, LEFT), bytes]));
}

test('its name is free, every file keeps its old name, and the log can be opened there', async () => {
  const disk = await leavingDisk();
  const expected = movedContents(disk);
  const home = homeOn(disk);
  await home.leave(PROJECT, LOG_ID);
  assert.deepEqual(new Map([...disk.contents()].sort()), new Map([...expected].sort()));
  assert.deepEqual(await home.namesOf(PROJECT), []);
  const { log, replayed } = await openLog(disk.crash(LOSSES['all that was not synced is lost']), OPTIONS, { folder: LEFT });
  assert.equal(replayed.length, 5);
  await log.close();
  await home.finishRemovals({ deleted: new Map(), live: new Map() });
  await home.close();
  assert.deepEqual(new Map([...disk.contents()].sort()), new Map([...expected].sort()), 'and nothing erases it');
  assert.deepEqual(disk.openPaths, []);
});

test('after a kill at any call, leaving again moves the rest', async () => {
  const start = await leavingDisk();
  const expected = new Map([...movedContents(start)].sort());
  const whole = start.crash();
  await homeOn(whole).leave(PROJECT, LOG_ID);
  let runs = 0;
  for (const { number, method } of whole.calls.filter((call) => CHANGING_METHODS.includes(call.method))) {
    for (const when of ['before', 'after'] as const) {
      const disk = start.crash();
      disk.fail({ number, action: { kind: 'kill', when } });
      await homeOn(disk).leave(PROJECT, LOG_ID).catch(() => undefined);
      for (const kept of ['cached', 'synced'] as const) {
        const next = disk.crash({ content: kept, size: kept, names: kept });
        // Between the syncs of the two folders this disk keeps both names; a real one renames entirely or not at all.
        if (next.tree.find(`${LEFT}/${PROJECT}`) !== undefined && next.tree.find(`${HOME}/${PROJECT}`) !== undefined) continue;
        await homeOn(next).leave(PROJECT, LOG_ID);
        assert.deepEqual(new Map([...next.contents()].sort()), expected, `${number} ${method} ${when} ${kept}`);
        assert.deepEqual(await homeOn(next).namesOf(PROJECT), []);
        runs += 1;
      }
    }
  }
  assert.ok(runs > 30);
});

test('a later log of the same name stays where it is, however damaged, and however often leaving is repeated', async () => {
  const damages: readonly ((disk: FaultDisk) => void)[] = [
    () => undefined, (disk) => disk.put(ACTIVE, 'damaged'), (disk) => disk.tree.remove(ACTIVE),
    (disk) => disk.put(`${HOME}/${PROJECT}.json`, '{"of":"another"}'),
  ];
  for (const damage of damages) {
    const disk = await leavingDisk();
    await homeOn(disk).leave(PROJECT, LOG_ID);
    await (await homeOn(disk).create(PROJECT, { ...OPTIONS, logId: OTHER_ID })).close();
    damage(disk);
    const before = disk.contents();
    await homeOn(disk).leave(PROJECT, LOG_ID);
    assert.deepEqual(disk.contents(), before);
  }
});

test('a destination that a person emptied does not attract the log that has the name now, however damaged', async () => {
  for (const emptied of [(disk: FaultDisk) => disk.tree.remove(`${LEFT}/${PROJECT}`), () => undefined]) {
    const disk = await leavingDisk();
    await homeOn(disk).leave(PROJECT, LOG_ID);
    disk.tree.remove(`${LEFT}/${PROJECT}.jsonl`);
    emptied(disk);
    await (await homeOn(disk).create(PROJECT, { ...OPTIONS, logId: OTHER_ID })).close();
    disk.put(ACTIVE, 'damaged');
    for (const head of [true, false]) {
      if (!head) disk.tree.remove(`${HOME}/${PROJECT}/head`);
      const before = disk.contents();
      await homeOn(disk).leave(PROJECT, LOG_ID);
      assert.deepEqual(disk.contents(), before);
    }
  }
});

test('a missing log, or another one, is not moved', async () => {
  const disk = emptyDisk();
  await homeOn(disk).leave(PROJECT, LOG_ID);
  await (await createLog(disk)).close();
  const before = disk.contents();
  await homeOn(disk).leave(PROJECT, OTHER_ID);
  assert.deepEqual(disk.contents(), before);
});

test.run();
