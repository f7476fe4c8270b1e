import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateApiKey } from '../../src/auth/api-key.js';
import { ConfigError } from '../../src/config/config-error.js';
import { readGlobalKey } from '../../src/config/global-key-file.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';

const test = suite('global-key-file');

const generated = generateApiKey('global');

for (const [written, key] of [['a-typed-key\n', 'a-typed-key'], [`  ${generated}\r\n`, generated]] as const) {
  test(`the key of ${JSON.stringify(written).slice(0, 16)} is what is between the blanks`, () => inFolder(async (folder) => {
    const file = path.join(folder, 'key');
    await writeFile(file, written);
    assert.equal(await readGlobalKey({ file, source: '--global-key-file' }), key);
  }));
}

test('a file that is missing or holds no API key is refused with the option, and never shown', () => inFolder(async (folder) => {
  const miscopied = `${generated.slice(0, -1)}${generated.endsWith('0') ? '1' : '0'}`;
  const contents = { empty: '', short: 'seven77', long: 'x'.repeat(513), two: 'first-key second-key', other: 'schlüssel', miscopied };
  for (const [name, text] of Object.entries(contents)) {
    const file = path.join(folder, name);
    await writeFile(file, text);
    await assert.rejects(readGlobalKey({ file, source: 'SIMPLEKV_GLOBAL_KEY_FILE' }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.ok(error.message.startsWith(`Cannot use SIMPLEKV_GLOBAL_KEY_FILE: it is "${file}", expected a file with `), error.message);
      return text === '' || !error.message.includes(text);
    });
  }
  const endless = readGlobalKey({ file: '/dev/zero', source: '--global-key-file' });
  await assert.rejects(endless, /^ConfigError: Cannot use --global-key-file: it is "\/dev\/zero", expected a file with one API key/);
  for (const file of [folder, path.join(folder, 'missing')]) {
    const reading = readGlobalKey({ file, source: '--global-key-file' });
    await assert.rejects(reading, /^ConfigError: Cannot use --global-key-file: .*E(NOENT|ISDIR)/);
  }
}));

test.run();
