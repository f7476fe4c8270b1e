/** docs/operations.md against the code: what cannot be run here is checked as text. */
import assert from 'node:assert/strict';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { checkConfig } from '../../src/config/check-config.js';
import { suite } from '../suite.js';
import { fencedBlocks, readDocument, section, tableRows } from './documents.js';
import { exampleBlocks } from './example-blocks.js';

const test = suite('operations-doc');
const document = readDocument('docs/operations.md');

test('the example for TLS is accepted', () => {
  const [shown] = fencedBlocks(section(document, 'TLS'));
  checkConfig(JSON.parse(`{"version":1,"projects":[],${shown?.text ?? ''}}`));
});

test('the commands for systemd use the user and the files of the unit', () => {
  const unit = readDocument('ops/systemd/simplekv.service');
  const valueOf = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  const commands = exampleBlocks(section(document, 'With systemd')).map((block) => block.commands).join('');
  const [, keyFile = ''] = valueOf('LoadCredential').split(':');
  for (const expected of [
    `useradd --system --home-dir ${valueOf('WorkingDirectory')} --shell /usr/sbin/nologin ${valueOf('User')}\n`, `/dev/stdin ${keyFile}\n`,
  ]) assert.ok(commands.includes(expected), expected);
});

test('the table of exit codes has those of the program', () => {
  const rows = tableRows(section(document, 'Signals and exit codes')).map(([code]) => Number(code));
  assert.deepEqual(rows, Object.values(EXIT_CODES).sort((a, b) => a - b));
});

test.run();
