/** docs/configuration.md against the code: its tables, and the file that a first start writes. */
import assert from 'node:assert/strict';
import { type JsonSchema, type SettingRow, settingRows } from '../../src/base/setting.js';
import { OUTSIDE_TABLE } from '../../src/config/settings-table.js';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../../src/api/project-settings.js';
import { inFolder } from '../config/config-folder.js';
import { beginLife } from '../projects/lives-fixture.js';
import { suite } from '../suite.js';
import { fencedBlocks, readDocument, section } from './documents.js';

const test = suite('configuration-doc');
const document = readDocument('docs/configuration.md');

test('the page shows the configuration that a first start writes', () => inFolder(async (folder) => {
  const { lives, config } = await beginLife(folder);
  await lives.close();
  const [shown] = fencedBlocks(document).filter(({ language }) => language === 'json');
  const written = JSON.stringify(config.document).replace(/sha256:[0-9a-f]{64}/g, 'sha256:…');
  assert.equal(JSON.stringify(JSON.parse(shown?.text ?? '')), written);
}));

/** The table that the page must have for some rows. */
function tableOf(rows: readonly SettingRow[]): string {
  const lines = rows.map(({ path, setting }) => (
    `| \`${path}\` | \`${JSON.stringify(setting.default)}\` | ${valuesText(setting.schema)} | ${setting.unit ?? '–'} | ${setting.meaning} |`
  ));
  return ['| setting | default | values | unit | meaning |', '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

function valuesText({ type, enum: allowed, minimum, maximum }: JsonSchema): string {
  if (Array.isArray(allowed)) return allowed.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (type === 'boolean') return '`true`, `false`';
  if (minimum === undefined) return '–';
  const range = `${String(minimum)} to ${String(maximum)}`;
  return Array.isArray(type) ? `\`null\`, ${range}` : range;
}

function compareTable(title: string, rows: readonly SettingRow[]): void {
  const expected = tableOf(rows);
  const shown = section(document, title).split('\n').filter((line) => line.startsWith('|')).join('\n');
  assert.ok(shown === expected, `docs/configuration.md must have this table under "${title}":\n\n${expected}\n`);
}

test('the table of server settings has those of the program', () => {
  compareTable('Settings of the server', settingRows(OUTSIDE_TABLE));
});

test('the table of project settings has those of the program', () => {
  const tables = { storage: STORAGE_SETTINGS, authentication: AUTHENTICATION_SETTINGS, quota: QUOTA_SETTINGS };
  compareTable('Settings of a project', settingRows(tables));
});

test.run();
