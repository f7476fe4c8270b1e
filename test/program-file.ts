/** The program as it is shipped. */
import { fileURLToPath } from 'node:url';

/** Path of the bundled command line; relative to the compiled form of this file. */
export const MAIN = fileURLToPath(new URL('../bin/simplekv.js', import.meta.url));
