/**
 * `node scripts/bundle.mjs [CHECKOUT]`: bundles the compiled program and its packages into dist/bin: the command line, the worker thread,
 * the parts they share, and the files of the page `/docs/`. Loading some 20 files instead of 500 halves the time of a start.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'rolldown';
import { precompiledSchemas } from './precompile-schemas.mjs';
import { mainFile, root as ownRoot } from './setup.mjs';

const root = path.resolve(process.argv[2] ?? ownRoot);
const folder = path.join(root, path.dirname(path.relative(ownRoot, mainFile)));
const ENTRIES = { 'simplekv': 'dist/src/cli/main.js', 'task-worker': 'dist/src/offline/tasks/task-worker.js' };
/** The page that shows the document of the API. */
const DOCS_PACKAGE = path.join(ownRoot, 'node_modules/swagger-ui-dist');
const DOCS_FILES = ['swagger-ui-bundle.js', 'swagger-ui.css'];
/** Licenses of what is inside of them, and the notice that has to go with them. */
const DOCS_LEGAL_FILES = ['NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'];
const LICENSE_FILE = /^(?:licen[cs]e|copying)/i;

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
writeFileSync(path.join(folder, 'LICENSES.txt'), licensesOf([...bundled, path.join(DOCS_PACKAGE, 'package.json')]));

/** Every package in the bundle requires that its license goes with it. */
function licensesOf(files) {
  const packages = new Set(files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter((name) => name !== undefined));
  return [...packages].sort().map((name) => {
    const { name: title, version, license } = JSON.parse(readFileSync(path.join(name, 'package.json'), 'utf8'));
    const file = readdirSync(name).find((entry) => LICENSE_FILE.test(entry));
    const text = file === undefined ? `License: ${license}` : readFileSync(path.join(name, file), 'utf8').trim();
    return `${title} ${version}\n\n${text}\n`;
  }).join(`\n${'-'.repeat(80)}\n\n`);
}
