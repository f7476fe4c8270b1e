/** `npm run build`: installs and compiles what is not up to date. */
import { prepare, runSteps } from './setup.mjs';

runSteps(prepare);
