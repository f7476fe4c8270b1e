/** docs/cli.md against the program: its tables of commands and of exit codes. `examples.test.ts` runs its examples. */
import assert from 'node:assert/strict';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { run } from '../cli/program.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { readDocument, section, tableRows } from './documents.js';

const test = suite('cli-doc');
const document = readDocument('docs/cli.md');

/** What a cell has between backticks. */
function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
}

test('the table of commands has those of the program', () => withWorkbench(async (bench) => {
  const { stdout } = await run(bench, '--help');
  const [, listed = ''] = stdout.split('\nCommands:\n');
  const commands = [...listed.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name);
  assert.ok(commands.length > 20, stdout);
  const rows = tableRows(section(document, 'All commands'));
  const shown = rows.flatMap(([cell = '']) => namesIn(cell));
  assert.deepEqual(shown.toSorted(), commands.toSorted());
}));

test('the commands that read files or ask a server say so in their help', () => withWorkbench(async (bench) => {
  const rows = tableRows(section(document, 'All commands'));
  for (const [cell = '', , where = ''] of rows.filter(([, , place]) => place?.startsWith('server') === true)) {
    for (const name of namesIn(cell)) {
      if (['projects', 'keys', 'import'].includes(name)) continue;
      const { stdout } = await run(bench, name, '--help');
      const said = where === 'server' ? 'The server is that of --url, of SIMPLEKV_URL' : 'With --data or --config, the command reads';
      assert.ok(stdout.includes(`\n${said}`), name);
    }
  }
}));

test('the exit codes are those of the program', () => {
  const codes = tableRows(section(document, 'In scripts')).map(([code]) => Number(code));
  const { ok, failure, usage, badInput, unavailable, temporaryFailure, noPermission, configuration } = EXIT_CODES;
  assert.deepEqual(codes, [ok, failure, usage, badInput, unavailable, temporaryFailure, noPermission, configuration]);
});

test.run();
