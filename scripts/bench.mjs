/**
 * `npm run bench [-- NAME… options]`: installs and builds what is not up to date, then measures. A first name that is a file
 * `bench/NAME.bench.ts` runs that one alone, with the options that it describes. Everything else goes to the table, `bench/table.ts`.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root, runSteps } from './setup.mjs';

runSteps(prepare);
const benches = path.join(root, 'dist/bench');
const named = process.argv[2] ?? '';
const isAlone = /^[a-z0-9-]+$/.test(named) && existsSync(path.join(benches, `${named}.bench.js`));
if (isAlone) process.argv.splice(2, 1);
await import(pathToFileURL(path.join(benches, isAlone ? `${named}.bench.js` : 'table.js')).href);
