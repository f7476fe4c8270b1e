/** docs/operations.md against the code: what cannot be run here is checked as text. */
import assert from 'node:assert/strict';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { checkConfig } from '../../src/config/check-config.js';
import { firstConfig } from '../../src/config/first-config.js';
import { suite } from '../suite.js';
import { fencedBlocks, readDocument, section, tableRows } from './documents.js';
import { exampleBlocks } from './example-blocks.js';

const test = suite('operations-doc');
const document = readDocument('docs/operations.md');
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

test.run();
