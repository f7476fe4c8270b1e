#!/usr/bin/env node
/**
 * The program: says how it was started and hands the command line over, and nothing else.
 */
import { setProgram } from '../base/program-command.js';
import { runCommandLine } from './command-line.js';

// Nothing here reads it, and without it no JSON of a client can reach an object's prototype.
Reflect.deleteProperty(Object.prototype, '__proto__');

const [, script = '', ...args] = process.argv;
setProgram(script);
await runCommandLine(args);
