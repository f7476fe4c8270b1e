/** docs/recovery.md against the code: it quotes every message, and shows commands that the program has. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { runCommand } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { assertNone, projectRoot } from '../tidy/source-tree.js';
import { plain, readDocument, section, tableRows } from './documents.js';
import { loggedMessages } from './logged-messages.js';

const test = suite('recovery-doc');
const page = readDocument('docs/recovery.md');

function loggedTexts(): readonly string[] {
  const folder = path.join(projectRoot(), 'src');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return loggedMessages(names.map((name) => ({ path: name, text: readFileSync(path.join(folder, name), 'utf8') })));
}

test('every warning and error that the server logs is on the page', () => {
  const texts = loggedTexts();
  assert.ok(texts.length > 60, `${texts.length} were found`);
  assertNone(texts.filter((text) => !page.includes(text)));
});

test('every warning about the files that startup reads is on the page', () => {
  const sources = ['src/config/load-config.ts', 'src/config/tls-files.ts'].map(readDocument).join('\n');
  for (const text of ['by other users of this machine', 'expired on', 'is not valid before']) {
    assert.ok(sources.includes(text), `the program still says "${text}"`);
    assert.ok(page.includes(text), `the page names "${text}"`);
  }
});

test('the last words of a server on standard error are on the page, with the exit code', () => {
  const text = 'shutdown timed out; every acknowledged write of a project on disk is in its log';
  assert.ok(readDocument('src/cli/serve.ts').includes(text));
  const row = page.split('\n').find((line) => line.startsWith(`| \`${text}\` |`)) ?? '';
  assert.match(row, new RegExp(`status ${EXIT_CODES.failure}\\b.*timeouts\\.shutdown_seconds`));
});

test('a message of the server log that the sources do not reveal is an error', () => {
  const text = "const B = 'it is b'; logger.warn({}, B); this.#logger?.error(`c: ${d} e`); logger.info('f');";
  const found = loggedMessages([{ path: 'a.ts', text }]);
  assert.deepEqual(found, ['c', 'it is b']);
  const handled = "work().catch(logFailure(logger, 'warn', {}, 'g')); work().catch(logFailure(logger, 'debug', {}, 'h'));";
  assert.deepEqual(loggedMessages([{ path: 'a.ts', text: handled }]), ['g']);
  assert.throws(() => loggedMessages([{ path: 'a.ts', text: 'logger[level](facts, sentence());' }]), /^Error: a\.ts: the message of/);
});

test('every reason for which a project is refused is on the page', () => {
  const sources = ['src/config/reconcile.ts', 'src/log/log-errors.ts'].map(readDocument).join('\n').replaceAll(/' \+\n\s*'/g, '');
  const reasons = [
    'is not in the data folder: is the volume mounted?', 'the log is an older copy', 'which does not exist: is the volume mounted?',
    'of a log that the registry does not know', 'is unknown to this version', 'Cannot trust "',
  ];
  for (const reason of reasons) {
    assert.ok(sources.includes(reason), `the program still says "${reason}"`);
    assert.ok(page.includes(reason), `the page names "${reason}"`);
  }
});

test('every readiness check is on the page', () => {
  const sources = ['src/projects/readiness.ts', 'src/http/routes/health-routes.ts'].map(readDocument).join('\n');
  const names = [...sources.matchAll(/(?:\bname: |\bname = |counted\()'([a-z_]+)'/g)].map(([, name = '']) => name);
  assert.ok(names.length > 8, names.join());
  assert.deepEqual(tableRows(section(page, 'Readiness')).map(([name]) => plain(name)).toSorted(), names.toSorted());
});

test('every command and option on the page exists, and every option is on the page', async () => {
  const commands = [...page.matchAll(/simplekv (verify|replay|repair)([^\n`|]*)/g)];
  assert.ok(commands.length > 10);
  for (const name of ['verify', 'replay', 'repair']) {
    const { code, output } = await runCommand(process.execPath, [MAIN, name, '--help']);
    assert.equal(code, 0);
    const used = commands.filter(([, command]) => command === name).flatMap(([, , rest = '']) => rest.match(/--[a-z-]+/g) ?? []);
    assertNone([...new Set(used)].filter((option) => !output.includes(option)).map((option) => `${name} has no ${option}`));
    const known = [...output.matchAll(/(--[a-z-]+)/g)].map(([, option = '']) => option).filter((option) => option !== '--help');
    assertNone([...new Set(known)].filter((option) => !page.includes(option)).map((option) => `the page does not name ${name} ${option}`));
  }
});

test('every link inside the page leads to a heading', () => {
  const titles = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title.toLowerCase());
  const anchors = titles.map((title) => title.replace(/[^a-z0-9 -]/g, '').replaceAll(' ', '-'));
  assertNone([...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor).filter((anchor) => !anchors.includes(anchor)));
});

test.run();
