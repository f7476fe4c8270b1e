/**
 * `npm start [-- options of simplekv serve]`: installs and builds what is not up to date, then becomes the server.
 * The server runs in this very process, so that a signal sent to it arrives where it is handled.
 */
import { pathToFileURL } from 'node:url';
import { mainFile, prepare, runSteps } from './setup.mjs';

runSteps(prepare);
process.argv = [process.execPath, mainFile, 'serve', ...process.argv.slice(2)];
await import(pathToFileURL(mainFile).href);
