/** docs/configuration.md against the code: its tables, and the file that a first start writes. */
import assert from 'node:assert/strict';
import { OPTION_TABLE } from '../../src/config/server-options.js';
import { inFolder } from '../config/config-folder.js';
import { beginLife } from '../projects/lives-fixture.js';
import { suite } from '../suite.js';
import { fencedBlocks, plain, readDocument, section, tableRows } from './documents.js';

const test = suite('configuration-doc');
const document = readDocument('docs/configuration.md');

test('the configuration that a first start writes is the one that the page shows', () => inFolder(async (folder) => {
  const { lives, config } = await beginLife(folder);
  await lives.close();
  const [shown] = fencedBlocks(document).filter(({ language }) => language === 'json');
  const written = JSON.stringify(config.document).replace(/sha256:[0-9a-f]{64}/g, 'sha256:…');
  assert.equal(JSON.stringify(JSON.parse(shown?.text ?? '')), written);
}));

test('the table of settings is the one of the code', () => {
  const rows = tableRows(section(document, 'Optional settings'))
    .map(([name, value, unit, meaning]) => [plain(name), plain(value), unit, meaning]);
  assert.deepEqual(rows, OPTION_TABLE.map((row) => [row.path, JSON.stringify(row.default), row.unit ?? '–', row.meaning]));
});

test.run();
