/**
 * `npm run bench [-- http|wrong-keys|start|cold|compaction] [-- options]`: installs and builds what is not up to date, then measures. See
 * the file of that name in bench/ for its options.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root, runSteps } from './setup.mjs';

const BENCHES = ['http', 'wrong-keys', 'start', 'cold', 'compaction'];

const named = process.argv[2];
const bench = named === undefined || named.startsWith('-') ? BENCHES[0] : named;
if (!BENCHES.includes(bench)) {
  console.error(`Cannot run the bench "${bench}": there are ${BENCHES.join(', ')}`);
  process.exit(64);
}
if (bench === named) process.argv.splice(2, 1);

runSteps(() => {
  ensureInstalled();
  ensureBuilt();
});
await import(pathToFileURL(path.join(root, `dist/bench/${bench}.bench.js`)).href);
