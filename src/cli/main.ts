#!/usr/bin/env node
/**
 * The program: hands the command line over, and nothing else.
 */
import { runCommandLine } from './command-line.js';

// Nothing here reads it, and without it no JSON of a client can reach an object's prototype.
Reflect.deleteProperty(Object.prototype, '__proto__');

await runCommandLine(process.argv.slice(2));
