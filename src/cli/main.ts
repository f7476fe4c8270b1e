#!/usr/bin/env node
/**
 * The program: hands the command line over, and nothing else.
 */
import { runCommandLine } from './command-line.js';

await runCommandLine(process.argv.slice(2));
