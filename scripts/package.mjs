/**
 * `node scripts/package.mjs NAME [FOLDER]`: writes a package for npm into a folder, by default dist/packages/NAME, from what
 * `npm run build` has made. `simplekv` is the program with its client, manual and documents, `simplekv-client` the client alone. Neither
 * has dependencies: what they use is inside.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { prepare, root, runSteps } from './setup.mjs';

/** What `exports` of the program's package says about the client, by what it is called there. */
const CLIENT = './client';
/** Links to pages that the package of the client does not have; those within its page stay. */
const LINK_TO_PAGE = /\[([^\]]+)\]\((?!#)[^)]+\)/g;

const PACKAGES = { 'simplekv': writeProgram, 'simplekv-client': writeClient };

const [name, given] = process.argv.slice(2);
const write = PACKAGES[name];
if (write === undefined) {
  console.error(`simplekv: name the package, ${Object.keys(PACKAGES).join(' or ')}`);
  process.exit(1);
}
const folder = path.resolve(given ?? path.join(root, 'dist/packages', name));
runSteps(prepare);
const { version, description, license, type, engines, bin, exports, peerDependencies, peerDependenciesMeta, publishConfig } = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
);
const manifest = { name, version, description, license, type, engines, peerDependencies, peerDependenciesMeta, publishConfig };
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify({ ...manifest, ...await write() }, null, 2)}\n`);
console.log(folder);

async function writeProgram() {
  for (const part of ['dist/bin', 'dist/client', 'docs', 'ops', 'README.md', 'CHANGELOG.md']) {
    cpSync(path.join(root, part), path.join(folder, part), { recursive: true, filter: (file) => !file.endsWith('.map') });
  }
  const { writeManual } = await import('./man.mjs');
  const man = (await writeManual(path.join(folder, 'dist/man'))).map((file) => `./dist/man/${file}`);
  return { bin, man, exports };
}

function writeClient() {
  cpSync(path.join(root, 'dist/client'), folder, { recursive: true, filter: (file) => !file.endsWith('.map') });
  const page = readFileSync(path.join(root, 'docs/client.md'), 'utf8');
  writeFileSync(path.join(folder, 'README.md'), page.replaceAll(LINK_TO_PAGE, '$1'));
  const own = Object.entries(exports).filter(([place]) => place.startsWith(CLIENT));
  return {
    description: 'The client of SimpleKV for TypeScript and JavaScript, in Node and in browsers',
    sideEffects: false,
    exports: Object.fromEntries(own.map(([place, entry]) => [`.${place.slice(CLIENT.length)}`, withinClient(entry)])),
  };
}

function withinClient(entry) {
  return Object.fromEntries(Object.entries(entry).map(([condition, file]) => [condition, file.replace('./dist/client/', './')]));
}
