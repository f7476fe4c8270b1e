/**
 * Bundles the client into dist/client: one file without imports for Node and browsers, the adapters, which import that file, their types,
 * and the licenses of what is inside. The types are made without those of Node, so a built-in module in the client is an error here.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'rolldown';
import { licensesOf, packagesOf } from './licenses.mjs';

const CLIENT = 'dist/src/client/index.js';
const ADAPTERS = { keyv: 'dist/src/client/keyv.js', unstorage: 'dist/src/client/unstorage.js' };

/**
 * Bundles the client, if the compiled program has one.
 *
 * @param {string} root The checkout
 * @throws {Error} When the compiler finds a fault
 */
export async function bundleClient(root) {
  const folder = path.join(root, 'dist/client');
  rmSync(folder, { recursive: true, force: true });
  const client = path.join(root, CLIENT);
  if (!existsSync(client)) return;
  const options = {
    cwd: root,
    platform: 'browser',
    // Tables of constants are made of others; copying their members does nothing else.
    treeshake: { propertyReadSideEffects: false },
    logLevel: 'warn',
  };
  const { output } = await build({ ...options, input: client, output: { dir: folder, format: 'esm' } });
  const packages = packagesOf(output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : [])));
  writeFileSync(path.join(folder, 'LICENSES.txt'), licensesOf(packages));
  for (const [name, file] of Object.entries(ADAPTERS)) {
    const output = { file: path.join(folder, `${name}.js`), format: 'esm', paths: { [client]: './index.js' } };
    await build({ ...options, input: file, external: [client], output });
  }
  const args = [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', path.join(root, 'scripts/tsconfig.client.json')];
  const result = spawnSync(process.execPath, [...args, '--pretty', 'false'], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`The types of the client cannot be made: ${result.stdout}${result.stderr}`);
}
