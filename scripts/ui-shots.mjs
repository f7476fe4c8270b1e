/** `npm run ui:shots [-- VIEW…]`: builds what is not up to date, and takes pictures of the web UI. Needs chromium. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { prepare, root, runSteps } from './setup.mjs';

runSteps(prepare);
const shots = path.join(root, 'dist/test/web/take-shots.js');
process.exitCode = spawnSync(process.execPath, [shots, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1;
