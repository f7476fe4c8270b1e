/** Wrong files for HTTPS: each is reported with its setting and the kind of its content, but without the content. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, createPrivateKey } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '../../src/config/config-error.js';
import { readTlsFiles, type TlsFiles } from '../../src/config/tls-files.js';
import { CERT, KEY } from '../http/test-certificate.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';

const test = suite('tls-files');

/** The certificate of the tests holds then. */
const NOW_MS = Date.UTC(2027, 0, 1);

const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const encryptedKey = createPrivateKey(KEY)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'test' }).toString();
const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();

async function readWith(folder: string, [key, cert]: readonly [string, string], nowMs = NOW_MS): Promise<TlsFiles> {
  const paths = { keyFile: path.join(folder, 'key.pem'), certFile: path.join(folder, 'cert.pem') };
  await writeFile(paths.keyFile, key);
  await writeFile(paths.certFile, cert);
  return await readTlsFiles(paths, nowMs);
}

for (const [what, key, cert, pointer, message] of [
  ['a key of another certificate', otherKey, CERT, '/tls/key_file', /expected the private key of .*cert\.pem": the two do not/],
  ['an encrypted key', encryptedKey, CERT, '/tls/key_file', /which contains an encrypted private key, expected one without a passphrase/],
  ['both swapped', CERT, KEY, '/tls/key_file', /which contains a certificate, expected a private key as PEM/],
  ['a key as the certificate', KEY, KEY, '/tls/cert_file', /which contains a private key, expected a certificate as PEM/],
  ['an empty key', '', CERT, '/tls/key_file', /which contains nothing, expected a private key/],
  ['an empty certificate', KEY, '', '/tls/cert_file', /which contains nothing, expected a certificate/],
  ['a key that is no PEM', 'secret text', CERT, '/tls/key_file', /which contains no PEM, expected a private key/],
  ['a certificate that is no PEM', KEY, 'text', '/tls/cert_file', /which contains no PEM, expected a certificate/],
  ['a public key', publicKey, CERT, '/tls/key_file', /which contains PEM of another kind, expected a private key/],
  ['a key that is cut off', KEY.slice(0, 100), CERT, '/tls/key_file', /which contains a private key that cannot be read/],
  ['a certificate that is cut off', KEY, CERT.slice(0, 200), '/tls/cert_file', /which contains a certificate that cannot be read/],
] as const) {
  test(`${what} is refused`, () => inFolder(async (folder) => {
    await assert.rejects(readWith(folder, [key, cert]), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.pointer, pointer);
      assert.match(error.message, message);
      assert.ok(!error.message.includes('secret') && !error.message.includes('MIG') && !error.message.includes('\n'), error.message);
      return true;
    });
  }));
}

test('a chain with a damaged later certificate is refused', () => inFolder(async (folder) => {
  const chain = `${CERT}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`;
  await assert.rejects(readWith(folder, [KEY, chain]), { name: 'ConfigError', pointer: '/tls/cert_file' });
}));

for (const [name, pointer] of [['key.pem', '/tls/key_file'], ['cert.pem', '/tls/cert_file']] as const) {
  test(`a folder and a missing file in the place of ${name} are refused`, () => inFolder(async (folder) => {
    const paths = { keyFile: path.join(folder, 'key.pem'), certFile: path.join(folder, 'cert.pem') };
    await writeFile(name === 'key.pem' ? paths.certFile : paths.keyFile, name === 'key.pem' ? CERT : KEY);
    await assert.rejects(readTlsFiles(paths, NOW_MS), { name: 'ConfigError', pointer, message: /the system reports ENOENT/ });
    await mkdir(path.join(folder, name));
    await assert.rejects(readTlsFiles(paths, NOW_MS), { name: 'ConfigError', pointer, message: /expected a file/ });
  }));
}

test('a key and its certificate are returned unchanged', () => inFolder(async (folder) => {
  const { key, cert, warnings } = await readWith(folder, [KEY, CERT]);
  assert.deepEqual([key.toString(), cert.toString(), warnings], [KEY, CERT, []]);
}));

test('a certificate that has expired or is not valid yet is accepted with a warning', () => inFolder(async (folder) => {
  const [expired] = (await readWith(folder, [KEY, CERT], Date.UTC(2200, 0, 1))).warnings;
  assert.match(expired ?? '', /^The certificate ".*cert\.pem" expired on .* 2126 GMT: clients refuse it/);
  const [early] = (await readWith(folder, [KEY, CERT], Date.UTC(2020, 0, 1))).warnings;
  assert.match(early ?? '', /is not valid before .* 2026 GMT/);
}));

test.run();
