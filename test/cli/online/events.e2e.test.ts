/** `watch`, `log --follow` and `history` against a live server. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { until } from '../../e2e/server-under-test.js';
import { suite } from '../../suite.js';
import { arrayOf, run, start } from '../program.js';
import { type ServedShop, withServedShop } from './served-shop.js';

const test = suite('cli/online/events');
const TIMEOUT = { timeoutMs: 120_000 };
/** Enough for some attempts in vain. */
const ATTEMPTS_MS = 1500;

/** What a running command has printed. */
class Output {
  text = '';

  constructor(child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => void (this.text += piece));
  }

  get events(): readonly Readonly<Record<string, unknown>>[] {
    return this.text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async seqs(count: number): Promise<readonly unknown[]> {
    return await until(`${count} events`, () => (this.events.length >= count ? this.events.map(({ seq }) => seq) : undefined));
  }
}

async function set({ server }: ServedShop, key: string, body = '1'): Promise<void> {
  const answer = await server.send('PUT', `/api/v1/projects/shop/keys/${encodeURIComponent(key)}`, { key: server.key('shop'), body });
  assert.ok(answer.status < 300, answer.text);
}

async function endedBy(child: ChildProcess, name: NodeJS.Signals): Promise<readonly unknown[]> {
  const closed = new Promise<readonly unknown[]>((resolve) => child.on('close', (code, signal) => resolve([code, signal])));
  child.kill(name);
  return await closed;
}

test('watch prints the lines of the log as they are written, over a restart, until it is interrupted', () => (
  withServedShop(async (served) => {
    const { bench, env, server, shop } = served;
    await set(served, 'old');
    const child = start(bench, ['watch', '--since', '1'], { env });
    const output = new Output(child);
    assert.deepEqual(await output.seqs(1), [2]);
    await set(served, 'a', '{"n": 1.0}');
    assert.deepEqual(await output.seqs(2), [2, 3]);
    const { port } = server;
    await server.stop();
    bench.configure([...(bench.document()['projects'] as object[])], { server_port: port });
    await bench.start();
    assert.equal((await shop('set', 'b', '2')).code, EXIT_CODES.ok);
    // A start may add lines of its own.
    await until('the change after the restart', () => output.events.find(({ key }) => key === 'b'));
    const lines = (await shop('log', '--jsonl')).stdout.split('\n').slice(1, -1);
    assert.deepEqual(output.text.split('\n').slice(0, -1), lines);
    assert.deepEqual(await endedBy(child, 'SIGINT'), [null, 'SIGINT']);
  })
), TIMEOUT);

test('watch says once that the server is gone, and once that it is back', () => withServedShop(async (served) => {
  const { bench, env, server, shop } = served;
  await set(served, 'old');
  const child = start(bench, ['watch', '--since', '0'], { env });
  const output = new Output(child);
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (errors += text));
  await output.seqs(2);
  const { port } = server;
  await server.kill();
  await until('the interruption', () => (errors.includes('interrupted') ? true : undefined));
  await wait(ATTEMPTS_MS);
  bench.configure([...(bench.document()['projects'] as object[])], { server_port: port });
  await bench.start();
  await until('the return', () => (errors.includes('is back') ? true : undefined));
  assert.equal((await shop('set', 'b', '2')).code, EXIT_CODES.ok);
  await until('the change after the restart', () => output.events.find(({ key }) => key === 'b'));
  const lines = errors.split('\n').slice(0, -1);
  assert.equal(lines.length, 2, errors);
  assert.match(lines[0] ?? '', /the stream was interrupted and is tried again: /);
  assert.match(lines[1] ?? '', /the stream is back, and goes on where it stopped$/);
  await endedBy(child, 'SIGINT');
}), TIMEOUT);

test('watch selects by prefix, key and operation', () => withServedShop(async (served) => {
  const { bench, env, shop } = served;
  const odd = await shop('watch', '--op', 'put');
  assert.equal(odd.code, EXIT_CODES.usage);
  assert.match(odd.stderr, /"put": lines of a project have one of .*set, /);
  const commands = [['--prefix', 'a/'], ['--key', 'b'], ['--op', 'delete']];
  const outputs = commands.map((options) => new Output(start(bench, ['watch', '--since', '1', ...options], { env })));
  for (const key of ['a/1', 'b', 'c']) await set(served, key);
  await shop('delete', 'a/1');
  await shop('set', 'b', '2');
  const [prefixed, keyed, deleted] = outputs;
  assert.deepEqual(await prefixed?.seqs(2), [2, 5]);
  assert.deepEqual(await keyed?.seqs(2), [3, 6]);
  assert.deepEqual(await deleted?.seqs(1), [5]);
}), TIMEOUT);

test('log --follow begins with what there is, each line once', () => withServedShop(async (served) => {
  const { bench, env } = served;
  for (const key of ['a', 'b', 'c']) await set(served, key);
  const all = new Output(start(bench, ['log', '--follow'], { env }));
  const newest = new Output(start(bench, ['log', '-f', '--limit', '1', '--prefix', 'c'], { env }));
  assert.deepEqual(await all.seqs(4), [1, 2, 3, 4]);
  assert.deepEqual(await newest.seqs(1), [4]);
  await set(served, 'c');
  assert.deepEqual(await all.seqs(5), [1, 2, 3, 4, 5]);
  assert.deepEqual(await newest.seqs(2), [4, 5]);
}), TIMEOUT);

test('a reader that has enough ends a watch quietly', () => withServedShop(async (served) => {
  const { bench, env } = served;
  const child = start(bench, ['watch', '--since', '0'], { env });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (errors += text));
  await until('the first line', () => child.stdout?.read() as Buffer | null ?? undefined);
  child.stdout?.destroy();
  const closed = new Promise((resolve) => child.on('close', resolve));
  await set(served, 'a');
  await set(served, 'b');
  assert.equal(await closed, EXIT_CODES.ok);
  assert.equal(errors, '');
}), TIMEOUT);

test('history prints the changes of a key, newest first', () => withServedShop(async (served) => {
  for (const [key, body] of [['a', '1'], ['b', '2'], ['a', '3']] as const) await set(served, key, body);
  const seqsOf = (text: string): readonly unknown[] => (
    text.split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { readonly seq: number }).seq)
  );
  assert.deepEqual(seqsOf((await served.shop('history', 'a')).stdout), [4, 2]);
  assert.deepEqual(seqsOf((await served.shop('history', 'a', '--limit', '1', '--jsonl')).stdout), [4]);
}), TIMEOUT);

test('with --json, what ends is one array of the lines, and what does not end is refused', () => withServedShop(async (served) => {
  const { bench, shop } = served;
  for (const body of ['1', '{"n": 1.0}']) await set(served, 'a', body);
  for (const command of [['history', 'a'], ['log'], ['log', '--limit', '2'], ['log', '--op', 'delete']]) {
    const [{ stdout: array, code }, { stdout: lines }] = await Promise.all([shop(...command, '--json'), shop(...command, '--jsonl')]);
    assert.deepEqual([code, array], [EXIT_CODES.ok, arrayOf(lines)], command.join(' '));
  }
  const none = await shop('history', 'b', '--json');
  assert.deepEqual([none.code, none.stdout], [EXIT_CODES.failure, '[]\n']);
  assert.match(none.stderr, /no event of "shop" that is kept changed "b"/);
  const endless = [shop('watch', '--json'), shop('log', '--follow', '--json'), run(bench, 'log', 'shop', '-f', '--json', '--data', 'data')];
  for (const { code, stdout, stderr } of await Promise.all(endless)) {
    assert.deepEqual([code, stdout], [EXIT_CODES.usage, '']);
    assert.match(stderr, /^simplekv: Cannot use --json with (?:watch|log --follow), which has no end: use --jsonl,/);
  }
  assert.doesNotMatch((await shop('watch', '--help')).stdout, /--json /);
}), TIMEOUT);

test.run();
