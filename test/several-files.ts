/**
 * Runs several test files in one process: `node several-files.js FILE…`. For files whose tests take less time than the start of a process
 * and the loading of what they share.
 */
import path from 'node:path';
import { run } from 'uvu/run';

await run(process.argv.slice(2).map((file) => ({ name: path.basename(file), file })), { bail: false });
