/**
 * `node scripts/bundle.mjs [CHECKOUT]`: bundles the compiled program and its packages into dist/bin: the command line, the worker thread,
 * the parts they share, the files of the page `/docs/` and the web UI; and the client into dist/client. Loading some 20 files instead
 * of 500 halves the time of a start.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'rolldown';
import { bundleClient } from './bundle-client.mjs';
import { bundleUi } from './bundle-ui.mjs';
import { licensesOf, packagesOf } from './licenses.mjs';
import { precompiledSchemas } from './precompile-schemas.mjs';
import { bundledList, mainFile, root as ownRoot } from './setup.mjs';

const root = path.resolve(process.argv[2] ?? ownRoot);
const folder = path.join(root, path.dirname(path.relative(ownRoot, mainFile)));
const ENTRIES = { 'simplekv': 'dist/src/cli/main.js', 'task-worker': 'dist/src/offline/tasks/task-worker.js' };
/** The page that shows the document of the API. */
const DOCS_PACKAGE = path.join(ownRoot, 'node_modules/swagger-ui-dist');
const DOCS_FILES = ['swagger-ui-bundle.js', 'swagger-ui.css'];
/** Licenses of what is inside of them, and the notice that has to go with them. */
const DOCS_LEGAL_FILES = ['NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'];
/** Packages of which files are shipped that nothing imports. */
const UNIMPORTED = [path.join(DOCS_PACKAGE, 'package.json'), path.join(ownRoot, 'node_modules/@picocss/pico/package.json')];

// A part whose content has changed has another name, and the old one would stay.
rmSync(folder, { recursive: true, force: true });
const { output } = await build({
  cwd: root,
  input: Object.fromEntries(Object.entries(ENTRIES).filter(([, file]) => existsSync(path.join(root, file)))),
  platform: 'node',
  plugins: [precompiledSchemas(path.join(root, 'dist/src'))],
  // A megabyte of tables for character sets that no request may use, required only to decode one of them.
  external: /iconv-lite.*[\\/]tables[\\/]|^\.\/tables\//,
  // Names and lines stay, so that a stack trace in the server log can be read.
  output: { dir: folder, format: 'esm', chunkFileNames: '[name]-[hash].js', sourcemap: true, comments: { legal: false } },
  // In a package that calls it once, with text of its own.
  checks: { eval: false },
  logLevel: 'warn',
});
chmodSync(path.join(folder, path.basename(mainFile)), 0o755);
mkdirSync(path.join(folder, 'docs'));
for (const file of DOCS_FILES) {
  // Without the reference to a map that is not there.
  const text = readFileSync(path.join(DOCS_PACKAGE, file), 'utf8').replace(/\n(?:\/\/|\/\*)# sourceMappingURL=[^\n]*/, '');
  writeFileSync(path.join(folder, 'docs', file), text);
}
for (const file of DOCS_LEGAL_FILES) copyFileSync(path.join(DOCS_PACKAGE, file), path.join(folder, 'docs', file));
const bundled = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
bundled.push(...await bundleUi(root, ownRoot, path.join(folder, 'ui')), ...UNIMPORTED);
const packages = packagesOf(bundled);
writeFileSync(path.join(folder, 'LICENSES.txt'), licensesOf(packages));
const listed = packages.map(({ name, version }) => ({ name, version }));
writeFileSync(path.join(root, path.relative(ownRoot, bundledList)), JSON.stringify(listed));
await bundleClient(root);
