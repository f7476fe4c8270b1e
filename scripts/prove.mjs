/**
 * `npm run prove [-- NAME…] [--durability NAME] [--seed N] [--scale N] [--short]`: installs and builds what is not up to date, then runs
 * the proofs that are too long for `npm test`: all of them, or those that are named. See `docs/reliability.md`.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root, runSteps } from './setup.mjs';

runSteps(prepare);
const { prove } = await import(pathToFileURL(path.join(root, 'dist/test/proofs/prove.js')).href);
process.exitCode = await prove(process.argv.slice(2));
