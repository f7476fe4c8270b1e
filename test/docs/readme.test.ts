import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '../../src/base/error-codes.js';
import { formatFirstRun } from '../../src/cli/console-announcer.js';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { checkConfig } from '../../src/config/check-config.js';
import { firstConfig } from '../../src/config/first-config.js';
import { PROBLEM_KINDS } from '../../src/http/problem.js';
import { type ServerUnderTest, until, type Workbench, withWorkbench } from '../e2e/server-under-test.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import { suite } from '../suite.js';
import { machinePaths } from '../tidy/text-rules.js';
import { assertNone, projectRoot, readProject } from '../tidy/source-tree.js';
import { anchors, examplePattern, fencedBlocks, plain, readDocument, relativeLinks, section, tableRows } from './documents.js';
import { hasCommands, ShellSession } from './shell-session.js';

const test = suite('readme');
const readme = readDocument('README.md');
const documents = readProject(projectRoot()).filter((file) => file.path.endsWith('.md'));
/** How long a stop may take when nothing else is set. */
const DEFAULT_STOP_MS = 10_000;
const KILL = 'kill -9 PID';

/** Replaces a text that the README must have. */
function substitute(block: string, [from, to]: readonly [from: string, to: string]): string {
  assert.ok(block.includes(from), `the README has ${from} in\n${block}`);
  return block.replace(from, to);
}

function exampleBlocks(text: string): readonly { readonly commands: string; readonly shown: string | undefined }[] {
  const blocks = fencedBlocks(text);
  return blocks.flatMap((block, index) => {
    const next = blocks[index + 1];
    return block.language === 'sh' ? [{ commands: block.text, shown: next?.language === 'text' ? next.text : undefined }] : [];
  });
}

async function withShell(folder: string, body: (shell: ShellSession) => Promise<void>): Promise<void> {
  if (!hasCommands(['curl'])) return;
  const shell = new ShellSession(folder);
  try {
    await body(shell);
  } finally {
    shell.close();
  }
}

/** Follows the first five minutes on a server of its own. */
async function followFirstMinutes(bench: Workbench, shell: ShellSession): Promise<void> {
  bench.configure([{ id: 'first_project' }]);
  let server = await bench.start();
  const later = ['Snapshots and history', 'Memory and disk'].flatMap((title) => exampleBlocks(section(readme, title)));
  const [setUp, ...first] = exampleBlocks(section(readme, 'First five minutes'));
  const steps = [...first, ...later];
  const substitutions = [
    ['http://127.0.0.1:23849', server.url], ['skv_g_…', server.key('global')], ['skv_p_…', server.key('first_project')],
  ] as const;
  assert.equal(await shell.run(substitutions.reduce(substitute, setUp?.commands ?? '')), '');
  assert.ok(first.length >= 7 && later.length >= 2, 'the blocks are found');
  for (const { commands, shown } of steps) {
    const isKill = commands.includes('kill -9');
    const output = await shell.run(isKill ? substitute(commands, [KILL, `kill -9 ${server.process.pid ?? ''}`]) : commands);
    assert.match(output, examplePattern(shown ?? ''), `after\n${commands}`);
    if (!isKill) continue;
    await server.ended;
    server = await bench.start();
    assert.equal(server.stderr, '', 'the second start prints no key');
    await shell.run(`SERVER=${server.url}\nPROJECT=$SERVER/api/v1/projects/first_project`);
  }
}

test('the first five minutes work as they are pasted, and print what the README shows', () =>
  withWorkbench((bench) => withShell(bench.folder, (shell) => followFirstMinutes(bench, shell))), { timeoutMs: 120_000 });

test('the first run prints what the README shows', () => {
  const [box] = fencedBlocks(section(readme, 'First five minutes')).filter(({ language }) => language === 'text');
  const url = `http://127.0.0.1:${firstConfig().document.server_port ?? 0}`;
  const printed = formatFirstRun({ configPath: 'c', url, project: 'first_project', globalKey: 'skv_g_G', projectKey: 'skv_p_P' });
  assert.match(printed.trim(), examplePattern(box?.text ?? ''));
});

test('the example for TLS is accepted', () => {
  const [shown] = fencedBlocks(section(readme, 'TLS'));
  checkConfig(JSON.parse(`{"version":1,"projects":[],${shown?.text ?? ''}}`));
});

test('the block for nginx passes the path, the host and the address on, and holds nothing back', () => {
  const [block] = fencedBlocks(section(readme, 'Behind a proxy')).filter(({ language }) => language === 'nginx');
  const directives = (block?.text ?? '').split('\n').map((line) => line.trim());
  const port = firstConfig().document.server_port ?? 0;
  for (const expected of [
    // With a path behind the port nginx decodes %2F and writes the path anew.
    `proxy_pass http://127.0.0.1:${port};`, 'merge_slashes off;', 'proxy_set_header Host $http_host;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;', 'proxy_buffering off;', 'client_max_body_size 8m;',
  ]) assert.ok(directives.includes(expected), expected);
});

test('the unit for systemd has absolute paths, may write its own folder alone, and starts again only where that can help', () => {
  const [block] = fencedBlocks(section(readme, 'With systemd')).filter(({ language }) => language === 'ini');
  const entries = new Map((block?.text ?? '').split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)] as const));
  assert.match(entries.get('ExecStart') ?? '', /^\/usr\/bin\/node \/\S+\/main\.js serve --config \/\S+$/);
  assert.equal(entries.get('ReadWritePaths'), '/var/lib/simplekv');
  const final = [EXIT_CODES.usage, EXIT_CODES.outputFailed, EXIT_CODES.noPermission, EXIT_CODES.configuration];
  assert.equal(entries.get('RestartPreventExitStatus'), final.join(' '));
  assert.ok(Number(entries.get('TimeoutStopSec')) * 1000 > DEFAULT_STOP_MS);
});

test('the table of errors has every code, in its order, with its status', () => {
  const rows = tableRows(section(readme, 'Errors')).map(([code, status]) => [plain(code), Number(status)]);
  assert.deepEqual(rows, ERROR_CODES.map((code) => [code, PROBLEM_KINDS[code].status]));
});

test('the table of exit codes is the one of the code', () => {
  const rows = tableRows(section(readme, 'Signals and exit codes')).map(([code]) => Number(code));
  assert.deepEqual(rows, Object.values(EXIT_CODES).sort((a, b) => a - b));
});

test('the table of listing parameters is the one of the schema', () => {
  const schema = readDocument('src/http/routes/keys/list-keys.ts').split('properties: {')[1]?.split('additionalProperties')[0] ?? '';
  const names = [...schema.matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name);
  assert.deepEqual(tableRows(section(readme, 'Listing parameters')).map(([name]) => plain(name)).sort(), names.sort());
});

interface DocumentedRoute {
  readonly methods: readonly string[];
  readonly target: string;
  readonly key: string;
}

function documentedRoutes(): readonly DocumentedRoute[] {
  return tableRows(section(readme, 'HTTP API')).map(([methods, shown, key]) => {
    const target = plain(shown).replace('{id}', 'first_project').replace('{key}', 'a');
    return { methods: plain(methods).split(', '), target: target.startsWith('/projects') ? `/api/v1${target}` : target, key: key ?? '' };
  });
}

test('the table of routes has each route once, with its methods and its key', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'first_project' }]);
    const server = await bench.start();
    const routes = documentedRoutes();
    const sources = readProject(projectRoot()).filter((file) => /^src\/http\/routes\/.*-routes\.ts$/.test(file.path));
    const registered = sources.flatMap(({ text }) => text.match(/^ {2}router\.(?:get|put|post|delete|register)\(/gm) ?? []);
    assert.equal(routes.length, registered.length);
    for (const target of new Set(routes.map((route) => route.target))) {
      const methods = routes.filter((route) => route.target === target).flatMap((route) => route.methods);
      const expected = ['OPTIONS', ...methods, ...(methods.includes('GET') ? ['HEAD'] : [])];
      const allowed = (await server.send('OPTIONS', target)).headers.allow?.split(', ') ?? [];
      assert.deepEqual([...allowed].sort(), expected.sort(), target);
    }
    const projectKey = server.key('first_project');
    for (const { methods, target, key } of routes) {
      for (const method of methods) {
        const { status: bare } = await server.send(method, target);
        assert.equal(bare === 401, key !== '–', `${method} ${target} without a key: ${bare}`);
        if (key === '–') continue;
        const { status } = await server.send(method, target, { key: projectKey });
        assert.equal(status === 403, key === 'G', `${method} ${target} with the project's key: ${status}`);
      }
    }
  }));

test('each promise names a test that exists, and a command that runs it', () => {
  const rows = tableRows(section(readme, 'Promises'));
  assert.deepEqual(rows.map(([name]) => name), Array.from({ length: 12 }, (_, index) => `P${index + 1}`));
  for (const [name, , shown = ''] of rows) {
    const pairs = [...shown.matchAll(/`npm test -- (\S+)` \((\S+)\)/g)];
    assert.ok(pairs.length > 0, `${name ?? ''}: ${shown}`);
    for (const [, part = '', file = ''] of pairs) {
      assert.ok(existsSync(path.join(projectRoot(), file)), file);
      assert.ok(file.includes(part), `${part} is a piece of ${file}`);
    }
  }
});

/** Writes keys one after another until told to stop; gives how many were acknowledged. */
async function writeUntil(server: ServerUnderTest, isOver: () => boolean): Promise<number> {
  let count = 0;
  for (; !isOver(); count += 1) {
    const key = server.key('first_project');
    const { status } = await server.send('PUT', `/api/v1/projects/first_project/keys/k${count}`, { key, body: `${count}` });
    assert.equal(status, 201);
  }
  return count;
}

/** As `simplekv verify` sees it. */
async function assertVerifies(dataFolder: string, scratchFolder: string): Promise<void> {
  for await (const { project, findings } of verifyFolder({ disk: new NodeDisk(), dataFolder, scratchFolder })) {
    assert.deepEqual(findings, [], project);
  }
}

/** Gives the shell the command that the script calls. */
async function prepareBackup(shell: ShellSession): Promise<ReturnType<typeof exampleBlocks>[number] | undefined> {
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  await shell.run(`simplekv() { node '${main}' "$@"; }`);
  return exampleBlocks(section(readme, 'Backup'))[0];
}

test('a backup during which a project is deleted and created again is not called one', () =>
  withWorkbench((bench) => withShell(bench.folder, async (shell) => {
    bench.configure([{ id: 'first_project' }]);
    const server = await bench.start();
    const example = await prepareBackup(shell);
    const target = `${server.url}/api/v1/projects`;
    const curl = `curl -s -o /dev/null -H 'Authorization: Bearer ${server.key('global')}' -H 'Content-Type: application/json'`;
    const again = `${curl} -X DELETE ${target}/first_project; ${curl} -X POST ${target} -d '{"id":"first_project"}'`;
    const changed = substitute(example?.commands ?? '', ['  copy data/_server.jsonl\n', `  ${again}\n  copy data/_server.jsonl\n`]);
    assert.match(await shell.run(`${changed}echo "status $?"`), /^not a backup: copy again; backup-\w+\/verify\.txt says .*\nstatus 1\n$/);
    assert.match(await shell.run('cat "$TO/verify.txt"'), /^first_project: DAMAGED/m);
    assert.match(await shell.run(`rm -rf "$TO"\n${example?.commands ?? ''}echo "status $?"`), /^copied\nstatus 0\n$/);
  })), { timeoutMs: 120_000 });

test('the backup of a running server verifies and opens, with everything that was acknowledged before it began', () =>
  withWorkbench((bench) => withShell(bench.folder, async (shell) => {
    bench.configure([{ id: 'first_project', storage: { segment_bytes: 65_536 } }, { id: 'quiet' }]);
    const server = await bench.start();
    let isOver = false;
    const writing = writeUntil(server, () => isOver);
    const key = server.key('first_project');
    const countOf = async (from: ServerUnderTest): Promise<number> => {
      const { text } = await from.send('GET', '/api/v1/projects/first_project', { key });
      return (JSON.parse(text) as { key_count: number }).key_count;
    };
    while ((await countOf(server)) < 400) await new Promise((resolve) => setTimeout(resolve, 10));
    const example = await prepareBackup(shell);
    await writeFile(bench.path('data', 'README.md'), 'what lies here');
    let before = 0;
    let output = '';
    for (let attempt = 0; attempt < 20 && !examplePattern(example?.shown ?? '').test(output); attempt += 1) {
      before = await countOf(server);
      output = await shell.run(`rm -rf "$TO"\n${example?.commands ?? ''}`);
    }
    isOver = true;
    const written = await writing;
    assert.match(output, examplePattern(example?.shown ?? ''));
    assert.equal(await shell.run('find "$TO" -perm /077'), '', 'nothing in the copy is open to others');
    assert.equal(await shell.run('cat "$TO/data/README.md"'), 'what lies here');
    await server.stop();

    await withWorkbench(async (other) => {
      await shell.run(`cp -r "$TO"/. ${other.folder}`);
      await assertVerifies(path.join(other.folder, 'data'), other.folder);
      const opened = await other.start();
      const after = await countOf(opened);
      assert.ok(after >= before && after <= written, `${before} <= ${after} <= ${written}`);
      const last = await opened.send('GET', `/api/v1/projects/first_project/keys/k${before - 1}`, { key });
      assert.equal(last.text, `${before - 1}`);
      assert.equal((await opened.send('GET', '/api/v1/projects/quiet', { key: server.key('quiet') })).status, 200);
    });
  })), { timeoutMs: 120_000 });

test('the check of a receipt finds its line in the log as it is written, and in a compressed file of it', () =>
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
    for (const receipt of [early, await put('late')]) {
      const output = await shell.run(`RECEIPT=${receipt}\n${example?.commands ?? ''}`);
      assert.match(output, new RegExp(`^\\{"seq":\\d+,[^\\n]*"hash":"${receipt}"\\}\\n$`));
    }
    assert.equal(await shell.run(`RECEIPT=${'0'.repeat(64)}\n${example?.commands ?? ''}`), '');
  })), { timeoutMs: 120_000 });

test('every link in a document leads somewhere', () => {
  assertNone(documents.flatMap(({ path: from, text }) => relativeLinks(text).flatMap((target) => {
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? from : path.posix.join(path.posix.dirname(from), file);
    if (!existsSync(path.join(projectRoot(), to))) return [`${from}: ${target} leads nowhere`];
    const isThere = anchor === undefined || anchors(readFileSync(path.join(projectRoot(), to), 'utf8')).includes(anchor);
    return isThere ? [] : [`${from}: ${target} has no such heading`];
  })));
});

test('no document names a folder of the machine that it was written on', () => {
  assertNone(machinePaths(documents));
});

test.run();
