/**
 * Pastes every shell block of every document into one shell, beside one server, in the order in which a newcomer reads the documents.
 * A block must print what the document shows below it, where `…` stands for any text within a line. A block below which nothing is shown
 * must print nothing. A block with a name, such as `check`, is a script: it is saved as `check.sh`, and later blocks run it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type ServerUnderTest, type Workbench, withWorkbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { assertNone, projectRoot, readProject } from '../tidy/source-tree.js';
import { examplePattern, fencedBlocks, readDocument } from './documents.js';
import { type ExampleBlock, exampleBlocks, withShell } from './example-blocks.js';
import { hasCommands, type ShellSession } from './shell-session.js';

const test = suite('examples');
const documents = readProject(projectRoot()).filter((file) => file.path.endsWith('.md'));

/** The documents with shell blocks, as they are read. */
const READING_ORDER = [
  'README.md', 'docs/cli.md', 'CONTRIBUTING.md', 'docs/operations.md', 'docs/audit.md', 'docs/http-api.md', 'docs/snapshot-format.md',
  'docs/log-format.md', 'docs/recovery.md', 'docs/reliability.md', 'docs/performance.md', 'docs/client.md',
];

/** Blocks that cannot run here, by document and first line, each with the test that checks it in another way. */
const NOT_RUN: readonly (readonly [document: string, firstLine: string, checkedBy: string])[] = [
  ['README.md', 'npm start    #', 'test/setup.test.ts'],
  ['README.md', 'npm start\n', 'test/setup.test.ts'],
  ['CONTRIBUTING.md', 'npm test\n', 'test/run.test.ts'],
  ['CONTRIBUTING.md', 'npm test -- ', 'test/run.test.ts'],
  ['docs/operations.md', 'sudo useradd', 'test/docs/operations-doc.test.ts'],
  ['docs/operations.md', 'podman build', 'test/ops/container.e2e.test.ts'],
  ['docs/operations.md', 'node dist/bin/simplekv.js serve', 'test/cli/server-log.e2e.test.ts'],
  ['docs/operations.md', 'METRICS_KEY=', 'test/metrics/metrics.e2e.test.ts'],
  ['docs/log-format.md', '# Usage: sh base.sh', 'test/docs/log-format.test.ts'],
  ['docs/audit.md', 'simplekv log PROJECT --follow', 'test/cli/log.e2e.test.ts'],
  ['docs/audit.md', 'tail -F', 'test/e2e/follow.e2e.test.ts'],
  ['docs/recovery.md', 'tail -F', 'test/e2e/follow.e2e.test.ts'],
  ['docs/recovery.md', 'simplekv serve --config config.json --adopt', 'test/start-refusals.test.ts'],
  ['docs/reliability.md', 'npm run prove', 'test/docs/reliability-doc.test.ts'],
  ['docs/performance.md', 'npm run bench', 'test/docs/performance-doc.test.ts'],
  ['docs/client.md', 'node scripts/package.mjs', 'test/client/packages.e2e.test.ts'],
];

/** What a block may be: shell commands, a program, what they print, or the content of a file. */
const LANGUAGES = ['sh', 'text', 'ts', 'json', 'jsonl', 'ini', 'nginx', 'logrotate', 'yaml'];

function isRun(document: string, { commands }: ExampleBlock): boolean {
  return !NOT_RUN.some(([name, start]) => name === document && commands.startsWith(start));
}

/** What a reader has before the first block, and what happens between the blocks. */
class Reader {
  readonly #bench: Workbench;
  readonly #shell: ShellSession;
  #server: ServerUnderTest;
  readonly #keys: { readonly global: string; readonly project: string };

  constructor(bench: Workbench, shell: ShellSession, server: ServerUnderTest) {
    this.#bench = bench;
    this.#shell = shell;
    this.#server = server;
    this.#keys = { global: server.key('global'), project: server.key('first_project') };
  }

  /** Pastes the lines that the first run prints. */
  async pasteFirstRun(): Promise<void> {
    const box = fencedBlocks(readDocument('README.md')).find(({ text }) => text.includes('SimpleKV: first run'));
    const lines = (box?.text ?? '').split('\n').filter((line) => line.startsWith('  curl '));
    assert.equal(lines.length, 2, 'the first run prints two lines to paste');
    const output = await this.#shell.run(this.#filledIn(lines.join('\n').replaceAll('curl', 'curl -s')));
    assert.match(output, examplePattern('{"key":"greeting","seq":2,"hash":"…"}\n"hello"'));
  }

  /** Pastes a block and compares its output. */
  async follow(document: string, block: ExampleBlock): Promise<void> {
    const { name, commands, shown } = block;
    if (name !== '') return writeFileSync(this.#bench.path(`${name}.sh`), commands);
    await this.#prepare(document, commands);
    const expected = examplePattern(shown ?? '');
    const output = await this.#shell.run(this.#filledIn(commands));
    assert.match(output, expected, `${document}: ${output}\nafter\n${commands}`);
    if (commands.includes('kill -9 PID')) await this.#startAgain();
  }

  /** Puts in what a reader puts in. */
  #filledIn(commands: string): string {
    const facts = [
      ['http://127.0.0.1:23849', this.#server.url], ['skv_g_…', this.#keys.global], ['skv_p_…', this.#keys.project],
      ['kill -9 PID', `kill -9 ${this.#server.process.pid ?? ''}`], ['node dist/bin/simplekv.js', `node '${MAIN}'`],
    ] as const;
    const filled = facts.reduce((text, [from, to]) => text.replaceAll(from, to), commands);
    return filled.replace(/^(simplekv \w+) PROJECT\b/gm, '$1 first_project');
  }

  async #startAgain(): Promise<void> {
    await this.#server.ended;
    this.#server = await this.#bench.start();
    assert.equal(this.#server.stderr, '', 'the second start prints no API key');
    await this.#shell.run(`SERVER=${this.#server.url}\nPROJECT=$SERVER/api/v1/projects/first_project`);
  }

  /** The page on recovery is read beside damaged files: its first block finds them, its repairs repair them. */
  async #prepare(document: string, commands: string): Promise<void> {
    if (document !== 'docs/recovery.md') return;
    if (commands.startsWith('simplekv verify')) {
      const target = '/api/v1/projects/first_project/keys/lost';
      await this.#server.send('PUT', target, { key: this.#keys.project, body: '"written last"' });
      this.#server.process.kill('SIGKILL');
      await this.#server.ended;
      this.#damage('first_project.jsonl', 'written last');
    }
    if (commands.startsWith('simplekv repair _server')) this.#damage('_server.jsonl', 'project.created');
  }

  /** Changes one letter of a text in a file of the data folder. */
  #damage(file: string, text: string): void {
    const path = this.#bench.path('data', file);
    const content = readFileSync(path, 'utf8');
    assert.ok(content.includes(text), `${file} has ${text}`);
    writeFileSync(path, content.replace(text, `${text.slice(0, -1)}X`));
  }
}

test('every shell block works as it is pasted, and prints what the document shows', () => withWorkbench(async (bench) => {
  if (!hasCommands(['curl', 'sha256sum', 'sed', 'gzip', 'od', 'awk'])) return;
  await withShell(bench.folder, async (shell) => {
    bench.configure([{ id: 'first_project' }]);
    const reader = new Reader(bench, shell, await bench.start());
    await reader.pasteFirstRun();
    for (const document of READING_ORDER) {
      const blocks = exampleBlocks(readDocument(document)).filter((block) => isRun(document, block));
      for (const block of blocks) await reader.follow(document, block);
    }
  });
}), { timeoutMs: 480_000 });

test('every document with shell blocks is in the reading order', () => {
  const found = documents.filter(({ text }) => exampleBlocks(text).length > 0).map(({ path }) => path);
  assert.deepEqual([...READING_ORDER].sort(), found.sort());
});

test('every block that is not run exists once, and so does the test that checks it', () => {
  for (const [document, start, checkedBy] of NOT_RUN) {
    const found = exampleBlocks(readDocument(document)).filter(({ commands }) => commands.startsWith(start));
    assert.equal(found.length, 1, `${document}: ${start}`);
    assert.ok(readDocument(checkedBy).includes('test('), checkedBy);
  }
});

test('every block has a known language, so no shell block is overlooked', () => {
  assertNone(documents.flatMap(({ path, text }) => fencedBlocks(text)
    .filter(({ language }) => !LANGUAGES.includes(language))
    .map(({ language, text: content }) => `${path}: "${language}" before ${content.slice(0, 40)}`)));
});

test.run();
