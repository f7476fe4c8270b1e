/** `npm run build`: installs and compiles what is not up to date. */
import { ensureBuilt, ensureInstalled, runSteps } from './setup.mjs';

runSteps(() => {
  ensureInstalled();
  ensureBuilt();
});
