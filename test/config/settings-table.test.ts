import assert from 'node:assert/strict';
import { compileSchema } from '../../src/base/json-schema.js';
import { SETTINGS } from '../../src/config/settings-table.js';
import { suite } from '../suite.js';
import { settingRows } from '../../src/base/setting.js';

const test = suite('settings-table');

/** Files that are named together or not at all: their null is that of the group. */
const TLS_FILES = ['tls.key_file', 'tls.cert_file'];

test('every row has a meaning, and a unit if its value is a quantity', () => {
  const numbers: unknown[] = ['integer', ['integer', 'null']];
  for (const { path, setting } of settingRows(SETTINGS)) {
    assert.ok(setting.meaning.length > 10, path);
    const isNumber = numbers.some((type) => JSON.stringify(type) === JSON.stringify(setting.schema['type']));
    assert.equal(setting.unit !== null, isNumber && path !== 'server_port', path);
  }
});

test('every default is a value that its own row accepts', () => {
  for (const { path, setting } of settingRows(SETTINGS).filter((row) => !TLS_FILES.includes(row.path))) {
    assert.ok(compileSchema(setting.schema)(setting.default).ok, path);
  }
});

test.run();
