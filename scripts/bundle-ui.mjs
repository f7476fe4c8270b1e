/**
 * Bundles the web UI: one script for the page, and the parts that are loaded when they are needed, each under a name that changes with its
 * content, plain and compressed, beside the page that loads them.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { build } from 'rolldown';

const ENTRY = 'web/main.tsx';
const HASH_DIGITS = 8;
const PACKAGE_STYLES = ['@picocss/pico/css/pico.classless.min.css', 'uplot/dist/uPlot.min.css'];

/**
 * Bundles it, if the checkout has one.
 *
 * @param {string} root The top folder of the checkout
 * @param {string} packages The folder whose `node_modules` has the packages
 * @param {string} folder Where the files go
 * @returns {Promise<string[]>} The modules that are inside
 */
export async function bundleUi(root, packages, folder) {
  if (!existsSync(path.join(root, ENTRY))) return [];
  const assets = path.join(folder, 'assets');
  mkdirSync(assets, { recursive: true });
  const { output } = await build({
    cwd: root,
    input: { app: ENTRY },
    platform: 'browser',
    // Tables of constants are made of others; copying their members does nothing else.
    treeshake: { propertyReadSideEffects: false },
    tsconfig: path.join(root, 'web/tsconfig.json'),
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
    output: {
      dir: folder, format: 'esm', minify: true, comments: { legal: false },
      entryFileNames: `assets/[name]-[hash:${HASH_DIGITS}].js`, chunkFileNames: `assets/[name]-[hash:${HASH_DIGITS}].js`,
    },
    logLevel: 'warn',
  });
  // In a layer, so that our rules win whatever their selectors are.
  const packageStyles = PACKAGE_STYLES
    .map((file) => readFileSync(path.join(packages, 'node_modules', file), 'utf8').replace(/^@charset "[^"]*";/, ''));
  const ownStyles = readFileSync(path.join(root, 'web/styles.css'), 'utf8');
  const styles = `@layer packages{${packageStyles.join('\n')}}\n${ownStyles}`;
  const stylesName = `app-${createHash('sha256').update(styles).digest('hex').slice(0, HASH_DIGITS)}.css`;
  writeFileSync(path.join(assets, stylesName), styles);
  const chunks = output.filter((part) => part.type === 'chunk');
  const entry = chunks.find((chunk) => chunk.isEntry);
  // Relative, so that the UI also works below a path that a proxy puts in front.
  const page = readFileSync(path.join(root, 'web/page.html'), 'utf8')
    .replace('{styles}', `assets/${stylesName}`).replace('{script}', entry.fileName);
  writeFileSync(path.join(folder, 'index.html'), page);
  for (const name of [`assets/${stylesName}`, ...chunks.map((chunk) => chunk.fileName)]) {
    const file = path.join(folder, name);
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION }));
  }
  return chunks.flatMap((chunk) => chunk.moduleIds);
}
