/** `npm run bench [-- options]`: installs and builds what is not up to date, then measures. See bench/http.bench.ts. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root, runSteps } from './setup.mjs';

runSteps(() => {
  ensureInstalled();
  ensureBuilt();
});
await import(pathToFileURL(path.join(root, 'dist/bench/http.bench.js')).href);
