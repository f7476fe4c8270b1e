/** docs/operations.md against the code: what cannot be run here is checked as text, and the backup script is run under load. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { checkConfig } from '../../src/config/check-config.js';
import { firstConfig } from '../../src/config/first-config.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import { type ServerUnderTest, withWorkbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { examplePattern, fencedBlocks, readDocument, section, tableRows } from './documents.js';
import { type ExampleBlock, exampleBlocks, substitute, withShell } from './example-blocks.js';
import type { ShellSession } from './shell-session.js';

const test = suite('operations-doc');
const document = readDocument('docs/operations.md');
/** More than the first segment holds. */
const FAST_WRITES = 450;
const PAUSE_MS = 20;
/** Time limit of a shutdown by default. */
const DEFAULT_SHUTDOWN_MS = 10_000;

test('the example for TLS is accepted', () => {
  const [shown] = fencedBlocks(section(document, 'TLS'));
  checkConfig(JSON.parse(`{"version":1,"projects":[],${shown?.text ?? ''}}`));
});

test('the nginx block passes on path, host and address, and buffers nothing', () => {
  const [block] = fencedBlocks(section(document, 'Behind a proxy')).filter(({ language }) => language === 'nginx');
  const directives = (block?.text ?? '').split('\n').map((line) => line.trim());
  const port = firstConfig().document.server_port ?? 0;
  for (const expected of [
    // With a path after the port, nginx decodes %2F and rewrites the path.
    `proxy_pass http://127.0.0.1:${port};`, 'merge_slashes off;', 'proxy_set_header Host $http_host;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;', 'proxy_buffering off;', 'client_max_body_size 8m;',
  ]) assert.ok(directives.includes(expected), expected);
});

function unitEntries(): ReadonlyMap<string, string> {
  const [block] = fencedBlocks(section(document, 'With systemd')).filter(({ language }) => language === 'ini');
  return new Map((block?.text ?? '').split('\n').map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)] as const));
}

test('the systemd commands use the user, the folder and the program of the unit', () => {
  const entries = unitEntries();
  const [user = '', folder = ''] = [entries.get('User'), entries.get('WorkingDirectory')];
  const commands = exampleBlocks(section(document, 'With systemd')).map((block) => block.commands).join('');
  for (const expected of [
    `useradd --system --home-dir ${folder} --shell /usr/sbin/nologin ${user}\n`, `install -d -o ${user} -g ${entries.get('Group') ?? ''} `,
    `sudo -u ${user} ${(entries.get('ExecStart') ?? '').replace('/usr/bin/', '')}\n`,
  ]) assert.ok(commands.includes(expected), expected);
});

test('the systemd unit has absolute paths, may write only its own folder, and restarts only if that can help', () => {
  const entries = unitEntries();
  assert.match(entries.get('ExecStart') ?? '', /^\/usr\/bin\/node \/\S+\/simplekv\.js serve --config \/\S+$/);
  assert.equal(entries.get('ReadWritePaths'), '/var/lib/simplekv');
  const final = [EXIT_CODES.usage, EXIT_CODES.outputFailed, EXIT_CODES.noPermission, EXIT_CODES.configuration];
  assert.equal(entries.get('RestartPreventExitStatus'), final.join(' '));
  assert.ok(Number(entries.get('TimeoutStopSec')) * 1000 > DEFAULT_SHUTDOWN_MS);
});

test('the table of exit codes has those of the program', () => {
  const rows = tableRows(section(document, 'Signals and exit codes')).map(([code]) => Number(code));
  assert.deepEqual(rows, Object.values(EXIT_CODES).sort((a, b) => a - b));
});

/** Writes keys one after another until `isOver`, and returns the number of acknowledged ones. */
async function writeUntil(server: ServerUnderTest, isOver: () => boolean): Promise<number> {
  let count = 0;
  for (; !isOver(); count += 1) {
    // After a first segment, slowly: the script gives up if a segment is sealed while it copies, which may take seconds.
    if (count > FAST_WRITES) await sleep(PAUSE_MS);
    const key = server.key('first_project');
    const { status } = await server.send('PUT', `/api/v1/projects/first_project/keys/k${count}`, { key, body: `${count}` });
    assert.equal(status, 201);
  }
  return count;
}

/** Checks that `simplekv verify` finds nothing. */
async function assertVerifies(dataFolder: string, scratchFolder: string): Promise<void> {
  for await (const { project, findings } of verifyFolder({ disk: new NodeDisk(), dataFolder, scratchFolder })) {
    assert.deepEqual(findings, [], project);
  }
}

/** Defines the command that the backup script calls, and returns the script. */
async function prepareBackup(shell: ShellSession): Promise<ExampleBlock | undefined> {
  await shell.run(`simplekv() { node '${MAIN}' "$@"; }`);
  return exampleBlocks(section(document, 'Backup'))[0];
}

test('the backup script rejects a copy during which a project was deleted and created again', () =>
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

test('the backup of a running server verifies, opens, and has everything acknowledged before it began', () =>
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
    while ((await countOf(server)) < 400) await sleep(10);
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

test.run();
