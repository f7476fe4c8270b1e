/** A repair keeps what can be proved, moves the damaged files away unchanged, and can be killed at any call and repeated. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import type { AnyEvent } from '../../../src/events/event.js';
import { buildGeneration } from '../../../src/offline/tasks/build-generation.js';
import type { RepairLosses } from '../../../src/offline/repair/repair-losses.js';
import { planRepair } from '../../../src/offline/repair/repair-plan.js';
import { finishRepair, repairProject, type RepairTools, resumeRepair } from '../../../src/offline/repair/repair-project.js';
import { planRegistryRepair, repairRegistry } from '../../../src/offline/repair/repair-registry.js';
import { readRegistry } from '../../../src/offline/registry.js';
import { replayState } from '../../../src/offline/replay/replay-state.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import { CHANGING_METHODS, type FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import { EVENTS, flip, SCRATCH, SEGMENT_1, soundFolder } from '../sound-folder.js';
import { CREATE, DATA, LOG_ID, putLog, set, stateText, writeLog } from '../written-project.js';

const test = suite('offline/repair/repair');
/** The short form takes one call in so many. */
const EVERY = 11;
const NOW_MS = Date.UTC(2026, 10, 23, 4, 5, 6);

function toolsOn(disk: FaultDisk): RepairTools {
  return { disk, dataFolder: DATA, logger: silentLogger, nowMs: NOW_MS };
}

const NO_LOSSES: RepairLosses = {
  seqs: undefined, bytes: 0, keys: [], seemingKeys: [], hasMoreKeys: false, settingsSeqs: [], apiKeySeqs: [], clearSeqs: [],
  mayBeMore: false, history: undefined,
};

/** Replaces a text in the line of a seq by one of the same length. */
async function edited(seq: number, from: string, to: string, events: readonly AnyEvent[] = EVENTS): Promise<FaultDisk> {
  assert.equal(from.length, to.length);
  const { disk } = await soundFolder([]);
  const log = writeLog({ project: 'p', events, sealed: [4, 3] });
  await putLog(disk, log);
  const line = log.lines[seq - 1];
  assert.ok(line);
  const bytes = disk.bytesOf(`${DATA}/${line.file}`);
  const at = bytes.indexOf(from, line.offset);
  assert.ok(at >= 0, from);
  bytes.write(to, at, 'latin1');
  disk.put(`${DATA}/${line.file}`, bytes);
  return disk;
}

/** Plans and carries out a repair, like the command. */
async function repair(disk: FaultDisk): Promise<void> {
  const tools = toolsOn(disk);
  const done = (await resumeRepair('p', tools)) ?? (await repairProject(await planRepair('p', tools), tools));
  await finishRepair(done, tools);
}

async function findings(disk: FaultDisk): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for await (const verdict of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH })) found.push(...verdict.findings);
  return found;
}

async function stateOf(disk: FaultDisk): Promise<string> {
  const state = await replayState({ disk, dataFolder: DATA, project: 'p', until: undefined, scratchFolder: SCRATCH });
  const text = disk.bytesOf(state.path).toString('utf8');
  await disk.unlink(state.path);
  return text;
}

/** Damages the line of a seq. */
async function damaged(seq: number, snapshots?: readonly number[]): Promise<FaultDisk> {
  const { disk, log } = await soundFolder(snapshots);
  const line = log.lines[seq - 1];
  assert.ok(line);
  flip(disk, line.file, line.offset + 150);
  return disk;
}

test('without a snapshot, the lines before the damage are kept, and the lost keys are named', async () => {
  const disk = await damaged(6, []);
  const plan = await planRepair('p', toolsOn(disk));
  assert.equal(plan.end.seq, 5);
  assert.deepEqual(plan.losses.seqs, { from: 6, to: 11 });
  assert.deepEqual(plan.losses.keys.toSorted(), ['c', 'd', 'e', 'f']);
  assert.ok(plan.losses.mayBeMore, 'the damage makes the key of its own line illegible');
  assert.ok(plan.losses.bytes > 0);
  await repair(disk);
  assert.deepEqual(await findings(disk), []);
  assert.equal(await stateOf(disk), stateText(EVENTS.slice(0, 5)));
});

test('the key in the damaged line itself is named as one that its text seems to name, wherever the damage is', async () => {
  const damages = [
    [',"salt"', ',xsalt"'], [',"salt"', ',"sal" '], ['{"seq":6', '{"seq":2'], ['{"seq":6', '{"sex":6'], ['"op":"set"', '"op":"sxt"'],
  ];
  for (const [from = '', to = ''] of damages) {
    const { losses, end } = await planRepair('p', toolsOn(await edited(6, from, to)));
    assert.equal(end.seq, 5, to);
    assert.deepEqual({ ...losses, bytes: 0 }, {
      ...NO_LOSSES, seqs: { from: 6, to: 11 }, keys: ['c', 'd', 'e', 'f'], seemingKeys: ['a'],
    }, to);
  }
});

test('if a lost line does not reveal its key, the plan says that there may be others', async () => {
  for (const to of ['"kex":"a"', '"key":"\x01"', '"key":"\xff"', '"key:"a" ']) {
    const { losses } = await planRepair('p', toolsOn(await edited(6, '"key":"a"', to)));
    assert.deepEqual([losses.keys, losses.seemingKeys, losses.mayBeMore], [['c', 'd', 'e', 'f'], [], true], to);
  }
  const twoInOne = await edited(6, '}\n{"seq":7', '}x{"seq":7');
  assert.equal((await planRepair('p', toolsOn(twoInOne))).losses.mayBeMore, true, 'a record of two lines');
  const { disk, log } = await soundFolder([]);
  disk.put(`${DATA}/p.jsonl`, disk.bytesOf(`${DATA}/p.jsonl`).subarray(0, log.lines[8]?.offset));
  const cut = (await planRepair('p', toolsOn(disk))).losses;
  assert.deepEqual({ ...cut, bytes: 0 }, { ...NO_LOSSES, seqs: { from: 9, to: 11 }, mayBeMore: true });
});

test('lost changes of the settings and of the API key, and deletions of all keys, are named by their seqs', async () => {
  assert.ok(CREATE.op === 'project.create');
  const { settings, key_id } = CREATE;
  const events: readonly AnyEvent[] = [
    CREATE, set('a', '1'), set('b', '2'), { op: 'project.update', settings, key_id }, { op: 'clear', count: 2 },
    { op: 'project.key', settings, key_id }, { op: 'project.update', settings, key_id }, set('c', '3'),
  ];
  const { losses } = await planRepair('p', toolsOn(await edited(4, ',"salt"', ',xsalt"', events)));
  assert.deepEqual([losses.settingsSeqs, losses.apiKeySeqs, losses.clearSeqs], [[4, 7], [6], [5]]);
  assert.deepEqual([losses.keys, losses.seemingKeys], [['c'], []]);
});

test('damage that a snapshot covers loses history but no value', async () => {
  const disk = await damaged(3);
  const plan = await planRepair('p', toolsOn(disk));
  assert.deepEqual([plan.end.seq, plan.snapshot?.seq], [11, 9]);
  assert.deepEqual(plan.losses, { ...NO_LOSSES, history: { from: 3, to: 9 } });
  await repair(disk);
  assert.deepEqual(await findings(disk), []);
  assert.equal(await stateOf(disk), stateText(EVENTS));
});

test('the lines between the snapshot and damage after it are kept', async () => {
  const disk = await damaged(11);
  await repair(disk);
  assert.equal(await stateOf(disk), stateText(EVENTS.slice(0, 10)));
});

test('if only the snapshot is left, it is kept', async () => {
  const { disk } = await soundFolder();
  for (const name of ['p.jsonl', SEGMENT_1]) disk.put(`${DATA}/${name}`, 'no line at all\n');
  await repair(disk);
  assert.deepEqual(await findings(disk), []);
  assert.equal(await stateOf(disk), stateText(EVENTS.slice(0, 9)));
});

test('if nothing can be proved, the plan keeps nothing', async () => {
  const { disk } = await soundFolder([]);
  for (const name of [SEGMENT_1]) disk.put(`${DATA}/${name}`, 'no line at all\n');
  assert.equal((await planRepair('p', toolsOn(disk))).end.seq, 0);
});

test('planning changes nothing', async () => {
  const disk = await damaged(6);
  const before = disk.contents();
  await planRepair('p', toolsOn(disk));
  assert.deepEqual(disk.contents(), before);
  assert.deepEqual(disk.openPaths, []);
});

test('the damaged files are kept byte for byte, and the registry records the repair', async () => {
  const disk = await damaged(6, []);
  const before = disk.contents();
  await repair(disk);
  const after = disk.contents();
  for (const [name, bytes] of before) {
    if (!/^\/data\/p[./]/.test(name)) continue;
    const kept = name.replace(DATA, `${DATA}/_repair/p-20261123T040506Z/old`);
    assert.deepEqual(after.get(kept), bytes, kept);
  }
  const registration = (await readRegistry(disk, DATA)).registrations.get('p');
  assert.deepEqual((await disk.list(`${DATA}/_repair/p-20261123T040506Z`)).toSorted(), ['finished.json', 'old']);
  assert.equal(registration?.state, 'live');
  assert.notEqual(registration?.logId, LOG_ID);
});

test('a snapshot can be built on a repaired log', async () => {
  const disk = await damaged(6, []);
  await repair(disk);
  const logId = (await readRegistry(disk, DATA)).registrations.get('p')?.logId ?? '';
  await assert.rejects(buildGeneration({ dataFolder: DATA, project: 'p', logId, previousSeq: 5, toSeq: 6 }, disk), /up to seq 6/);
});

test('killed at any call and repeated, a repair ends in the same state and loses no damaged file', async () => {
  const whole = await damaged(6, []);
  const start = whole.calls.length;
  await repair(whole.crash());
  const counted = whole.crash();
  await repair(counted);
  const points = counted.calls.filter(({ method }) => CHANGING_METHODS.includes(method));
  assert.ok(points.length > 40 && start > 0);
  for (const { number, method } of sampled(points, EVERY)) {
    for (const when of ['before', 'after'] as const) {
      for (const loss of ['cached', 'synced'] as const) {
        const disk = whole.crash();
        disk.fail({ number, action: { kind: 'kill', when } });
        await assert.rejects(repair(disk), () => disk.isKilled, 'only the kill stops it');
        const next = disk.crash({ content: loss, size: loss, names: loss });
        const label = `killed ${when} call ${number} ${method}, ${loss}`;
        try {
          if ((await findings(next)).length > 0) await repair(next);
          else await finishIfBegun(next);
          assert.deepEqual(await findings(next), []);
          assert.equal(await stateOf(next), stateText(EVENTS.slice(0, 5)));
          const active = whole.bytesOf(`${DATA}/p.jsonl`);
          assert.ok([...next.contents()].some(([name, bytes]) => name.endsWith('/old/p.jsonl') && bytes.equals(active)));
        } catch (error) {
          throw new Error(label, { cause: error });
        }
      }
    }
  }
}, { timeoutMs: 120_000 });

/** Like the command, resumes a started repair before it verifies the project. */
async function finishIfBegun(disk: FaultDisk): Promise<void> {
  const done = await resumeRepair('p', toolsOn(disk));
  if (done !== undefined) await finishRepair(done, toolsOn(disk));
}

test('the registry is rebuilt from the projects in the folder', async () => {
  const { disk } = await soundFolder();
  flip(disk, '_server.jsonl', 400);
  const plan = await planRegistryRepair(toolsOn(disk));
  assert.equal(plan.isSound, false);
  assert.deepEqual(plan.projects, [{ id: 'p', logId: LOG_ID, firstSeq: 1, hasBase: false }]);
  const damagedBytes = disk.bytesOf(`${DATA}/_server.jsonl`);
  const copy = await repairRegistry(plan, toolsOn(disk));
  assert.deepEqual(disk.bytesOf(`${DATA}/${copy}/old/_server.jsonl`), damagedBytes);
  assert.deepEqual(await disk.list(`${DATA}/${copy}`), ['old']);
  assert.deepEqual(await findings(disk), []);
  assert.equal((await readRegistry(disk, DATA)).registrations.get('p')?.logId, LOG_ID);
  assert.equal((await planRegistryRepair(toolsOn(disk))).isSound, true);
});

test('killed at any call and repeated, a repair of the registry ends with a registry', async () => {
  const { disk: whole } = await soundFolder();
  flip(whole, '_server.jsonl', 400);
  const once = async (disk: FaultDisk): Promise<void> => {
    const plan = await planRegistryRepair(toolsOn(disk));
    if (!plan.isSound) await repairRegistry(plan, toolsOn(disk));
  };
  const counted = whole.crash();
  await once(counted);
  for (const { number, method } of counted.calls) {
    if (!CHANGING_METHODS.includes(method)) continue;
    for (const loss of ['cached', 'synced'] as const) {
      const disk = whole.crash();
      disk.fail({ number, action: { kind: 'kill', when: 'after' } });
      await assert.rejects(once(disk), () => disk.isKilled, 'only the kill stops it');
      const next = disk.crash({ content: loss, size: loss, names: loss });
      await once(next);
      assert.deepEqual(await findings(next), [], `killed after call ${number} ${method}, ${loss}`);
    }
  }
}, { timeoutMs: 120_000 });

test.run();
