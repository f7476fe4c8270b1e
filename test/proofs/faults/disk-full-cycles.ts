/**
 * Filling a small disk to the last byte under a server that works, and making room again, time after time. Several projects are written
 * to at once, and the server log may lie on the same disk.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { Durability } from '../../../src/base/durability.js';
import { freePort, redirected } from '../../cli/redirected-server.js';
import { readLogFiles } from '../../e2e/log-files.js';
import { problemOf, runCommand, until, type Answer, type ServerUnderTest, type Workbench } from '../../e2e/server-under-test.js';

/** Size of the file system; the mark below which nothing grows is 5 % of it. */
export const SMALL_DISK_BYTES = 2_097_152;

const VALUE_CHARACTERS = 3000;
const WRITES_MAX = 2000;
/** What a change of settings may come to while the disk is full: done, or refused. */
const SETTINGS_STATUSES: readonly number[] = [200, 500, 503, 507];

/** A project that is written to, and what was acknowledged of it. */
export class FilledProject {
  readonly id: string;
  /** Where it is asked for. */
  readonly target: string;
  readonly acknowledged = new Map<string, { readonly seq: number; readonly hash: string; readonly value: string }>();
  /** Opens it; a start prints no key twice. */
  readonly #key: string;

  /**
   * @param id the project's id
   * @param server the server whose start printed its key
   */
  constructor(id: string, server: ServerUnderTest) {
    this.id = id;
    this.target = `/api/v1/projects/${id}`;
    this.#key = server.key(id);
  }

  /** Asks for something about a key, or for all of them where none is named. */
  async send(server: ServerUnderTest, method: string, name?: string): Promise<Answer> {
    return await server.send(method, `${this.target}/keys${name === undefined ? '' : `/${name}`}`, { key: this.#key });
  }

  /** Writes a key. @returns the answer, noted where it is an acknowledgement */
  async put(server: ServerUnderTest, name: string): Promise<Answer> {
    const value = JSON.stringify(`${name} ${'x'.repeat(VALUE_CHARACTERS)}`);
    const answer = await server.send('PUT', `${this.target}/keys/${name}`, { key: this.#key, body: value });
    if (answer.status < 300) this.acknowledged.set(name, { ...(JSON.parse(answer.text) as { seq: number; hash: string }), value });
    return answer;
  }

  /** Writes until there is no room. */
  async fill(server: ServerUnderTest): Promise<void> {
    for (let index = 0; index < WRITES_MAX; index += 4) {
      const names = Array.from({ length: 4 }, (_, writer) => `fill${index + writer}`);
      const refused = (await Promise.all(names.map((name) => this.put(server, name)))).filter(({ status }) => status >= 300);
      for (const answer of refused) assertFull(answer);
      if (refused.length > 0) return;
    }
    assert.fail('the disk never was full');
  }

  /** Reads everything that was acknowledged. */
  async assertReads(server: ServerUnderTest): Promise<void> {
    for (const [name, { value }] of this.acknowledged) assert.equal((await this.send(server, 'GET', name)).text, value, name);
  }

  /** Waits until the server has found out by itself that there is room. */
  async untilWritable(server: ServerUnderTest): Promise<void> {
    await until('writes to be taken again', async () => ((await this.put(server, 'again')).status < 300 ? true : undefined));
  }

  /**
   * Checks that the files hold what was acknowledged; reading them fails where they do not end with a whole line.
   *
   * @param bench where they are
   * @returns how many events there are
   */
  assertFiles(bench: Workbench): number {
    const { events } = readLogFiles(bench.path('data'), this.id);
    for (const { seq, hash } of this.acknowledged.values()) assert.equal(events[seq - 1]?.hash, hash);
    return events.length;
  }
}

/** Checks that an answer says that the disk is full. */
export function assertFull(answer: Answer): void {
  assert.equal(answer.status, 507, answer.text);
  assert.equal(problemOf(answer)['code'], 'disk_full');
  assert.ok(Number(answer.headers['retry-after']) > 0);
}

/** How the disk is filled. */
export interface CyclesPlan {
  readonly segmentBytes: number;
  readonly durability: Durability;
  /** Projects that are written to at once. */
  readonly projects: number;
  /** How often. */
  readonly cycles: number;
}

function serverLogOf(bench: Workbench): string {
  return bench.path('data', 'server.log');
}

/** Starts a server whose log lies on the disk that will be full. */
async function startLoggingThere(bench: Workbench, { segmentBytes, durability, projects }: CyclesPlan): Promise<ServerUnderTest> {
  const storage = { segment_bytes: segmentBytes, durability, compaction: { interval_seconds: 0 } };
  const port = await freePort();
  // Longer than the five seconds between two looks for room: a connection must not be closed just as it is used again.
  const settings = { server_port: port, timeouts: { keep_alive_seconds: 60 } };
  bench.configure(Array.from({ length: projects }, (_, index) => ({ id: `p${index}`, storage })), settings);
  const server = bench.spawn(redirected(`>> ${serverLogOf(bench)}`));
  server.url = `http://127.0.0.1:${port}`;
  return await server.ready();
}

/**
 * Fills the disk and makes room again, and looks at everything after a kill at the end.
 *
 * @param bench a folder under whose data a small file system is mounted
 * @param plan how large segments are, how often
 * @returns how many events the logs have
 */
export async function runDiskFullCycles(bench: Workbench, plan: CyclesPlan): Promise<number> {
  const server = await startLoggingThere(bench, plan);
  const projects = Array.from({ length: plan.projects }, (_, index) => new FilledProject(`p${index}`, server));
  const global = { key: server.key('global') };
  const each = async (work: (project: FilledProject) => Promise<void>): Promise<void> => void (await Promise.all(projects.map(work)));
  for (let cycle = 0; cycle < plan.cycles; cycle += 1) {
    const ballast = fillToTheLast(bench, cycle);
    await each(async (project) => {
      // Whatever is tried now finds no room in the middle of it: a batch, a rotation, a snapshot, the configuration.
      await project.fill(server);
      const compaction = await server.send('POST', `${project.target}/compact`, global);
      assert.ok(compaction.status === 507 || compaction.status === 200, compaction.text);
      const body = `{"authentication":{"save_api_key_to_file":${cycle % 2 === 0}}}`;
      const settings = await server.send('PUT', project.target, { ...global, body });
      assert.ok(SETTINGS_STATUSES.includes(settings.status), settings.text);
      await project.assertReads(server);
    });
    assert.equal((await server.send('GET', '/livez')).status, 200);
    for (const file of ballast) rmSync(file);
    // As an operator rotates it. The lines of some thousand refused requests would otherwise be all that lies on the disk.
    truncateSync(serverLogOf(bench));
    await each(async (project) => {
      await project.untilWritable(server);
      // Older keys make room for those of the next time.
      assert.equal((await project.send(server, 'DELETE')).status, 200);
      project.acknowledged.clear();
      assert.equal((await project.put(server, `after${cycle}`)).status, 201);
      assert.equal((await server.send('POST', `${project.target}/compact`, global)).status, 200);
    });
  }
  await server.kill();
  const restarted = await bench.start();
  await each((project) => project.assertReads(restarted));
  const events = projects.reduce((total, project) => total + project.assertFiles(bench), 0);
  await restarted.kill();
  return events;
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
