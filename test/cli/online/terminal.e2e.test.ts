/** Commands at a terminal: tables, questions, and values that would control it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { until } from '../../e2e/server-under-test.js';
import { program } from '../../needs.js';
import { MAIN } from '../../program-file.js';
import { suite } from '../../suite.js';
import type { ServedShop } from './served-shop.js';
import { withServedShop } from './served-shop.js';

const test = suite('cli/online/terminal');
const OPTIONS = { timeoutMs: 120_000, needs: [program('script', 'bsdutils')] };

/** A command at a terminal of its own. */
class AtTerminal {
  text = '';
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor({ bench, env }: ServedShop, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
    const command = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll('\'', String.raw`'\''`)}'`).join(' ');
    // The shell would stand between: some shells die of a Ctrl-C while the command goes on.
    this.#child = spawn('script', ['-qefc', `exec ${command}`, '/dev/null'], {
      cwd: bench.folder,
      env: { ...process.env, NODE_V8_COVERAGE: '', XDG_CONFIG_HOME: bench.path('settings'), TERM: 'xterm', ...env, ...more },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    bench.defer(() => this.#child.kill('SIGKILL'));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => void (this.text += text.replaceAll('\r\n', '\n')));
    this.ended = new Promise((resolve) => this.#child.on('close', (code) => resolve(code)));
  }

  /** Waits for a question, and answers it. */
  async answer(question: string, text: string): Promise<void> {
    await until(`"${question}" in ${this.text}`, () => (this.text.includes(question) ? true : undefined));
    this.#child.stdin?.write(text);
  }
}

/** Controls of a terminal, but for the tabs and ends of lines between fields. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test('no value, key, actor or message controls the terminal', () => withServedShop(async (served) => {
  const { server } = served;
  const hostile = '"\u009b2J\u007f\u202e\u2066 end"';
  const key = 'k\u202ereversed';
  for (const name of [key, 'plain']) {
    const target = `/api/v1/projects/shop/keys/${encodeURIComponent(name)}`;
    assert.equal((await server.send('PUT', target, { key: server.key('shop'), body: hostile })).status, 201);
  }
  const escaped = String.raw`"\u009b2J\u007f\u202e\u2066 end"`;
  const commands: [string[], string][] = [
    [['get', 'plain'], escaped], [['get', 'plain', '--raw'], escaped], [['list', '--values'], escaped],
    [['list'], String.raw`k\u202ereversed`],
    [['get', 'plain', '--json'], escaped], [['list', '--jsonl'], escaped], [['log', '--json'], escaped], [['export'], escaped],
    [['history', 'plain'], escaped], [['log'], escaped], [['diff', '--from', '0', '--values'], escaped], [['get', key], escaped],
    [['get', 'none\u202e'], String.raw`no key "none\u202e"`], [['delete', key], String.raw`k\u202ereversed: deleted`],
  ];
  for (const [args, shown] of commands) {
    const at = new AtTerminal(served, args, { NO_COLOR: '1' });
    await at.ended;
    assert.ok(at.text.includes(shown), `${args.join(' ')}: ${JSON.stringify(at.text)}`);
    assert.doesNotMatch(at.text, CONTROLS, `${args.join(' ')}: ${JSON.stringify(at.text)}`);
  }
}), OPTIONS);

test('lists are tables at a terminal, events are text, with colours unless NO_COLOR is set', () => withServedShop(async (served) => {
  await served.shop('set', 'a', '1');
  const keys = new AtTerminal(served, ['keys', 'list']);
  await keys.ended;
  assert.match(keys.text, /^ID {16}NAME {5}PERMISSIONS {2}STATE {3}EXPIRES {2}LAST USED\n/);
  assert.match(keys.text, /\n[0-9a-f]{16} {2}primary {2}all {10}active {2}never {4}\S+\n$/);
  const plain = new AtTerminal(served, ['log', '--limit', '1'], { NO_COLOR: '1' });
  await plain.ended;
  assert.match(plain.text, /^ +2 {2}\S+Z {2}set {5}project:shop#\S+ {2}"a" 1\n$/);
  const colored = new AtTerminal(served, ['log', '--limit', '1'], { NO_COLOR: '', FORCE_COLOR: '1' });
  await colored.ended;
  assert.ok(colored.text.includes('\u001b[32mset'), JSON.stringify(colored.text));
}), OPTIONS);

test('what deletes is asked about; anything but yes changes nothing', () => withServedShop(async (served) => {
  const { shop, server } = served;
  await shop('set', 'user/1', '1');
  const question = `Delete 1 key beginning with "user/" of "shop" on ${server.url}? [y/N] `;
  for (const [answer, code] of [['n\n', EXIT_CODES.failure], ['\n', EXIT_CODES.failure], ['y\n', EXIT_CODES.ok]] as const) {
    const at = new AtTerminal(served, ['delete', '--prefix', 'user/']);
    await at.answer(question, answer);
    assert.equal(await at.ended, code, at.text);
    assert.match(at.text, code === EXIT_CODES.ok ? /1 key deleted, seq 3/ : /nothing was deleted/);
  }
  const stopped = new AtTerminal(served, ['delete', '--all']);
  await stopped.answer('Delete 0 keys of "shop"', '\u0003');
  assert.notEqual(await stopped.ended, EXIT_CODES.ok);
  const admin = { ...served, env: { ...served.env, SIMPLEKV_KEY: server.key('global') } };
  const project = new AtTerminal(admin, ['projects', 'delete', 'shop']);
  await project.answer('Type shop to confirm: ', 'y\n');
  assert.equal(await project.ended, EXIT_CODES.failure);
  const really = new AtTerminal(admin, ['projects', 'delete', 'shop']);
  await really.answer('Type shop to confirm: ', 'shop\n');
  assert.equal(await really.ended, EXIT_CODES.ok, really.text);
}), OPTIONS);

test('edit goes on with the newer value if the user wants, and again after a fault', () => withServedShop(async (served) => {
  const { shop } = served;
  await shop('set', 'a', '"first"');
  // The first round writes over a change of another, the second leaves no JSON, the third is right.
  const theirs = `[ -e r1 ] || ${process.execPath} ${MAIN} set a '"theirs"' > /dev/null`;
  const rounds = `if [ -e r2 ]; then echo '"third"'; elif [ -e r1 ]; then : > r2; echo '[1,'; else : > r1; echo '"mine"'; fi`;
  const script = `${theirs}; ${rounds} > "$1"; :`;
  const at = new AtTerminal(served, ['edit', 'a'], { VISUAL: `sh -c ${JSON.stringify(script).replaceAll('$1', String.raw`\$1`)} sh` });
  await at.answer('Edit the newer value? [y/N] ', 'y\n');
  await at.answer('Edit it again? [Y/n] ', '\n');
  assert.equal(await at.ended, EXIT_CODES.ok, at.text);
  assert.match(at.text, /"a" was changed meanwhile: it has the version of seq 3 now[^]*\n"mine"\n[^]*line 1, column 4: expected a value/);
  assert.equal((await shop('get', 'a')).stdout, '"third"\n');
}), OPTIONS);

test('a Ctrl-C in the editor belongs to the editor', () => withServedShop(async (served) => {
  const { bench, shop } = served;
  const file = bench.path('editor.sh');
  const wait = 'while [ ! -e int ]; do sleep 0.05; done';
  writeFileSync(file, `trap ': > int' INT; : > ready; ${wait}; echo '"after"' > "$1"\n`);
  const at = new AtTerminal(served, ['edit', 'a'], { VISUAL: 'sh editor.sh' });
  await until('the editor', () => (existsSync(bench.path('ready')) ? true : undefined));
  await at.answer('', '\u0003');
  assert.equal(await at.ended, EXIT_CODES.ok, at.text);
  assert.equal((await shop('get', 'a')).stdout, '"after"\n');
}), OPTIONS);

test.run();
