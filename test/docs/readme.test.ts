/** README.md against the code, and the links of all documents. `examples.test.ts` runs its examples. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { formatFirstRun } from '../../src/cli/console-announcer.js';
import { firstConfig } from '../../src/config/first-config.js';
import { until, withWorkbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { assertNone, projectRoot, readProject } from '../tidy/source-tree.js';
import { machinePaths } from '../tidy/text-rules.js';
import { anchors, examplePattern, fencedBlocks, readDocument, relativeLinks, section, tableRows } from './documents.js';
import { exampleBlocks, withShell } from './example-blocks.js';

const test = suite('readme');
const readme = readDocument('README.md');
const documents = readProject(projectRoot()).filter((file) => file.path.endsWith('.md'));
/** The README is read in one sitting; everything else has a page of its own. */
const README_BYTES_MAX = 14_000;

test('the README has at most 14 kB', () => {
  assert.ok(Buffer.byteLength(readme) <= README_BYTES_MAX, `${Buffer.byteLength(readme)} bytes`);
});

test('the first run prints what the README shows', () => {
  const [box] = fencedBlocks(section(readme, 'First five minutes')).filter(({ language }) => language === 'text');
  const url = `http://127.0.0.1:${firstConfig().document.server_port ?? 0}`;
  const printed = formatFirstRun({ configPath: 'c', url, project: 'first_project', globalKey: 'skv_g_G', projectKey: 'skv_p_P' });
  assert.match(printed.trim(), examplePattern(box?.text ?? ''));
});

test('each promise names an existing test and the command that runs it', () => {
  const rows = tableRows(section(readme, 'Promises'));
  assert.deepEqual(rows.map(([name]) => name), Array.from({ length: 12 }, (_, index) => `P${index + 1}`));
  for (const [name, , shown = ''] of rows) {
    const pairs = [...shown.matchAll(/`npm test -- (\S+)` \((\S+)\)/g)];
    assert.ok(pairs.length > 0, `${name ?? ''}: ${shown}`);
    for (const [, part = '', file = ''] of pairs) {
      assert.ok(existsSync(path.join(projectRoot(), file)), file);
      assert.ok(file.includes(part), `${part} is part of ${file}`);
    }
  }
});

test('the commands that check a receipt find its line in the active log and in a compressed segment', () =>
  withWorkbench((bench) => withShell(bench.folder, async (shell) => {
    const storage = { segment_bytes: 4096, retention: { compress: 'gzip' } };
    bench.configure([{ id: 'first_project', storage }]);
    const server = await bench.start();
    const put = async (name: string): Promise<string> => {
      const target = `/api/v1/projects/first_project/keys/${name}`;
      const { text } = await server.send('PUT', target, { key: server.key('first_project'), body: JSON.stringify('x'.repeat(1000)) });
      return (JSON.parse(text) as { hash: string }).hash;
    };
    const early = await put('early');
    for (let count = 0; count < 8; count += 1) await put(`k${count}`);
    const packed = bench.path('data', 'first_project', `${'1'.padStart(20, '0')}.jsonl.gz`);
    for (let count = 0; count < 2; count += 1) {
      await put('between');
      await server.send('POST', '/api/v1/projects/first_project/compact', { key: server.key('global') });
    }
    await until('a compressed segment alone', () => (existsSync(packed) && !existsSync(packed.slice(0, -3)) ? true : undefined));
    const [example] = exampleBlocks(section(readme, 'Check a receipt'));
    const commands = (example?.commands ?? '').replaceAll('node dist/bin/simplekv.js', `node '${MAIN}'`);
    const files = [[early, 'first_project/0{19}1\\.jsonl\\.gz'], [await put('late'), 'first_project\\.jsonl']] as const;
    for (const [receipt, file] of files) {
      const output = await shell.run(`RECEIPT=${receipt}\n${commands}echo "status $?"`);
      assert.match(output, new RegExp(`^project {2}first_project\nseq {6}\\d+\n[^]*\nfile {5}${file}\noffset {3}\\d+\nstatus 0\n$`));
    }
    const missing = await shell.run(`RECEIPT=${'0'.repeat(64)}\n${commands}echo "status $?"`);
    assert.match(missing, /^simplekv: No log in "[^"]+" has a line with this receipt\.[^\n]*\nstatus 1\n$/);
  })), { timeoutMs: 120_000 });

test('every document in docs is in the table of documents', () => {
  const listed = tableRows(section(readme, 'Documentation')).map(([page = '']) => page).join();
  assertNone(documents.map(({ path: name }) => name).filter((name) => name.startsWith('docs/') && !listed.includes(`(${name})`)));
});

test('every link in a document leads somewhere', () => {
  assertNone(documents.flatMap(({ path: from, text }) => relativeLinks(text).flatMap((target) => {
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? from : path.posix.join(path.posix.dirname(from), file);
    if (!existsSync(path.join(projectRoot(), to))) return [`${from}: ${target} leads nowhere`];
    const isThere = anchor === undefined || anchors(readFileSync(path.join(projectRoot(), to), 'utf8')).includes(anchor);
    return isThere ? [] : [`${from}: ${target} has no such heading`];
  })));
});

test('no document names a folder of a developer\'s machine', () => {
  assertNone(machinePaths(documents));
});

test.run();
