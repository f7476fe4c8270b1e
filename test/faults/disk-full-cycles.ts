/** Filling a small disk to the last byte under a server that works, and making room again, time after time. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readLogFiles } from '../e2e/log-files.js';
import { problemOf, runCommand, until, type Answer, type ServerUnderTest, type Workbench } from '../e2e/server-under-test.js';

/** Size of the file system; the mark below which nothing grows is 5 % of it. */
export const SMALL_DISK_BYTES = 2_097_152;
/** The project that is written to. */
export const PROJECT = '/api/v1/projects/p';
/** Its keys. */
export const KEYS = `${PROJECT}/keys`;

const VALUE_CHARACTERS = 3000;
const WRITES_MAX = 2000;
/** What a change of settings may come to while the disk is full: done, or refused. */
const SETTINGS_STATUSES: readonly number[] = [200, 500, 503, 507];

/** What was acknowledged, by key. */
export type Acknowledged = Map<string, { readonly seq: number; readonly hash: string; readonly value: string }>;

/** Writes a key. @returns the answer, noted where it is an acknowledgement */
export async function put(server: ServerUnderTest, name: string, acknowledged: Acknowledged): Promise<Answer> {
  const value = JSON.stringify(`${name} ${'x'.repeat(VALUE_CHARACTERS)}`);
  const answer = await server.send('PUT', `${KEYS}/${name}`, { key: server.key('p'), body: value });
  if (answer.status < 300) acknowledged.set(name, { ...(JSON.parse(answer.text) as { seq: number; hash: string }), value });
  return answer;
}

/** Writes until there is no room. */
export async function fill(server: ServerUnderTest, acknowledged: Acknowledged): Promise<void> {
  for (let index = 0; index < WRITES_MAX; index += 4) {
    const names = Array.from({ length: 4 }, (_, writer) => `fill${index + writer}`);
    const answers = await Promise.all(names.map((name) => put(server, name, acknowledged)));
    const refused = answers.filter(({ status }) => status >= 300);
    for (const answer of refused) assertFull(answer);
    if (refused.length > 0) return;
  }
  assert.fail('the disk never was full');
}

/** Checks that an answer says that the disk is full. */
export function assertFull(answer: Answer): void {
  assert.equal(answer.status, 507, answer.text);
  assert.equal(problemOf(answer)['code'], 'disk_full');
  assert.ok(Number(answer.headers['retry-after']) > 0);
}

/** Reads everything that was acknowledged. */
export async function assertReads(server: ServerUnderTest, key: string, acknowledged: Acknowledged): Promise<void> {
  for (const [name, { value }] of acknowledged) assert.equal((await server.send('GET', `${KEYS}/${name}`, { key })).text, value, name);
}

/** Waits until the server has found out by itself that there is room. */
export async function untilWritable(server: ServerUnderTest, acknowledged: Acknowledged): Promise<void> {
  await until('writes to be taken again', async () => ((await put(server, 'again', acknowledged)).status < 300 ? true : undefined));
}

/** Checks that the files hold what was acknowledged; reading them fails where they do not end with a whole line. */
export function assertFiles(bench: Workbench, acknowledged: Acknowledged): void {
  const { events } = readLogFiles(bench.path('data'), 'p');
  for (const { seq, hash } of acknowledged.values()) assert.equal(events[seq - 1]?.hash, hash);
}

/** How the disk is filled. */
export interface CyclesPlan {
  readonly segmentBytes: number;
  /** How often. */
  readonly cycles: number;
}

/**
 * Fills the disk and makes room again, and looks at everything after a kill at the end.
 *
 * @param bench a folder under whose data a small file system is mounted
 * @param plan how large segments are, how often
 * @returns how many writes were acknowledged
 */
export async function runDiskFullCycles(bench: Workbench, plan: CyclesPlan): Promise<number> {
  bench.configure([{ id: 'p', storage: { segment_bytes: plan.segmentBytes, compaction: { interval_seconds: 0 } } }]);
  const server = await bench.start();
  const acknowledged: Acknowledged = new Map();
  const [key, global] = [server.key('p'), { key: server.key('global') }];
  for (let cycle = 0; cycle < plan.cycles; cycle += 1) {
    const ballast = fillToTheLast(bench, cycle);
    // Whatever is tried now finds no room in the middle of it: a batch, a rotation, a snapshot, the configuration.
    await fill(server, acknowledged);
    const compaction = await server.send('POST', `${PROJECT}/compact`, global);
    assert.ok(compaction.status === 507 || compaction.status === 200, compaction.text);
    const body = `{"authentication":{"save_api_key_to_file":${cycle % 2 === 0}}}`;
    const settings = await server.send('PUT', PROJECT, { ...global, body });
    assert.ok(SETTINGS_STATUSES.includes(settings.status), settings.text);
    await assertReads(server, key, acknowledged);
    for (const file of ballast) rmSync(file);
    await untilWritable(server, acknowledged);
    // Older keys make room for those of the next time.
    assert.equal((await server.send('DELETE', KEYS, { key })).status, 200);
    acknowledged.clear();
    assert.equal((await put(server, `after${cycle}`, acknowledged)).status, 201);
    assert.equal((await server.send('POST', `${PROJECT}/compact`, global)).status, 200);
  }
  await server.kill();
  const restarted = await bench.start();
  await assertReads(restarted, key, acknowledged);
  assertFiles(bench, acknowledged);
  await restarted.kill();
  return readLogFiles(bench.path('data'), 'p').events.length;
}

/** Leaves no room at all. @returns the files that take it */
function fillToTheLast(bench: Workbench, cycle: number): readonly string[] {
  const files: string[] = [];
  for (let size = SMALL_DISK_BYTES; size >= 1; size = Math.floor(size / 2)) {
    const file = bench.path('data', `ballast-${cycle}-${size}`);
    try {
      writeFileSync(file, Buffer.alloc(size));
      files.push(file);
    } catch {
      rmSync(file, { force: true });
    }
  }
  return files;
}

/** Puts a small file system under the data folder. Where that is not allowed, the console says what is left out. */
export async function mountSmall(bench: Workbench): Promise<boolean> {
  mkdirSync(bench.path('data'));
  const options = ['-t', 'tmpfs', '-o', `size=${SMALL_DISK_BYTES}`, 'simplekv-test', bench.path('data')];
  const { code, output } = await runCommand('mount', options);
  if (code !== 0) {
    console.log(`no file system can be mounted here (${output.trim()}): a full disk is tested with prlimit only`);
    return false;
  }
  bench.defer(() => runCommand('umount', ['--lazy', bench.path('data')]));
  return true;
}
