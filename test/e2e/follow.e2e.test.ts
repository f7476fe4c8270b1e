import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readDocument } from '../docs/documents.js';
import { exampleBlocks } from '../docs/example-blocks.js';
import { hasCommands } from '../docs/shell-session.js';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { runCommand, until, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('follow');

const WRITE_COUNT = 240;
/** Rotation must not outrun the follower: this many lines fit into a segment several times. */
const WRITES_PER_LOOK = 4;

/** `tail -F` on a project's log, from its first line on. */
class Tail {
  #text = '';

  /** @param filter what a shell does with the lines */
  constructor(bench: Workbench, filter = 'cat') {
    const command = `tail -n +1 -F '${bench.path('data', 'p.jsonl')}' | ${filter}`;
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (this.#text += text));
    const { pid } = child;
    if (pid !== undefined) bench.defer(() => void process.kill(-pid, 'SIGKILL'));
  }

  get text(): string {
    return this.#text;
  }

  /** Waits for the line of a write. */
  async sees(hash: string): Promise<void> {
    await this.shows(`"hash":"${hash}"}\n`);
  }

  async shows(part: string): Promise<void> {
    await until(`tail to show ${part}`, () => (this.#text.includes(part) ? true : undefined));
  }
}

async function put(server: ServerUnderTest, index: number): Promise<string> {
  const body = JSON.stringify({ index, text: `é "quoted" ${'x'.repeat(index % 97)}` });
  const answer = await server.send('PUT', `/api/v1/projects/p/keys/k${index % 50}`, { key: server.key('p'), body });
  assert.ok(answer.status < 300, answer.text);
  return (JSON.parse(answer.text) as { hash: string }).hash;
}

test('tail -F shows every line once and in order through rotations, each of them valid JSON', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p', storage: { segment_bytes: 4096 } }]);
    const server = await bench.start();
    const tail = new Tail(bench);
    for (let index = 0; index < WRITE_COUNT; index += 1) {
      const hash = await put(server, index);
      if (index % WRITES_PER_LOOK === 0 || index === WRITE_COUNT - 1) await tail.sees(hash);
    }
    const { events, segmentCount } = readLogFiles(bench.path('data'), 'p');
    assert.ok(segmentCount > 5, `${segmentCount} segments`);
    const lines = tail.text.slice(0, -1).split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { seq?: number; seal?: string; format?: string });
    assert.deepEqual(
      lines.filter((_, index) => parsed[index]?.seq !== undefined),
      events.map(({ line }) => line),
    );
    assert.equal(parsed.filter(({ seal }) => seal !== undefined).length, segmentCount - 1);
    assert.equal(parsed.filter(({ format }) => format === 'simplekv/1').length, segmentCount);
  }));

for (const document of ['docs/audit.md', 'docs/recovery.md']) {
  test(`the filter that ${document} puts behind tail -F shows each change, and no seal or header`, () => withWorkbench(async (bench) => {
    if (!hasCommands(['jq'])) return;
    const commands = exampleBlocks(readDocument(document)).map((block) => block.commands).filter((text) => text.startsWith('tail -F '));
    const [, filter] = /^tail -F \S+\.jsonl \| jq (.+)\n$/.exec(commands.join('')) ?? [];
    bench.configure([{ id: 'p', storage: { segment_bytes: 4096 } }]);
    const server = await bench.start();
    // Into a pipe, jq would keep what it prints.
    const tail = new Tail(bench, `jq --unbuffered ${filter ?? ''}`);
    for (let index = 0; index < WRITE_COUNT / 4; index += 1) {
      await put(server, index);
      if (index % WRITES_PER_LOOK === 0 || index === WRITE_COUNT / 4 - 1) await tail.shows(`[${index + 2},"`);
    }
    const { events, segmentCount } = readLogFiles(bench.path('data'), 'p');
    assert.ok(segmentCount > 2, `${segmentCount} segments`);
    const sets = events.map(({ line }) => JSON.parse(line) as { seq: number; time: string; op: string; actor: string; key: string });
    const expected = sets.filter(({ op }) => op === 'set').map(({ seq, time, actor, key }) => JSON.stringify([seq, time, actor, key]));
    assert.deepEqual(tail.text.trimEnd().split('\n'), expected);
  }));
}

test('jq reads the log and the sealed segments', () =>
  withWorkbench(async (bench) => {
    if (!hasCommands(['jq'])) return;
    bench.configure([{ id: 'p', storage: { segment_bytes: 4096 } }]);
    const server = await bench.start();
    for (let index = 0; index < WRITE_COUNT / 4; index += 1) await put(server, index);
    const sealed = readdirSync(bench.path('data', 'p'))
      .filter((name) => name.endsWith('.jsonl'))
      .sort();
    assert.ok(sealed.length > 1);
    const files = [...sealed.map((name) => bench.path('data', 'p', name)), bench.path('data', 'p.jsonl')];
    const { code, output } = await runCommand('jq', ['-c', 'select(.op == "set") | [.seq, .key, .value.index]', ...files]);
    assert.equal(code, 0, output);
    const expected = Array.from({ length: WRITE_COUNT / 4 }, (_, index) => JSON.stringify([index + 2, `k${index % 50}`, index]));
    assert.deepEqual(output.trimEnd().split('\n'), expected);
  }));

test('a line is in the file when its write is answered', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    for (let index = 0; index < 20; index += 1) {
      const hash = await put(server, index);
      assert.equal(readLogFiles(bench.path('data'), 'p').events.at(-1)?.hash, hash);
    }
  }));

test.run();
