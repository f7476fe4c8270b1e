/** Every experiment of the table, in its order. A new one is added here. */
import type { Experiment } from '../experiment.js';
import { LISTING } from './listing.js';
import { MEMORY } from './memory.js';
import { REQUESTS } from './requests.js';
import { EMPTY_START, MANY_PROJECTS } from './starts.js';

/** Each experiment reads only figures that it has made itself, so their types need not be known here. */
export const EXPERIMENTS: readonly Experiment<unknown>[] = [...REQUESTS, LISTING, MEMORY, EMPTY_START, MANY_PROJECTS];
