/** What the files of a log say was written. */
import { readLogFiles } from '../e2e/log-files.js';
import type { Workbench } from '../e2e/server-under-test.js';

/** Every value that a key was given, as JSON, in the order of the log: a write that happened twice is there twice. */
export function valuesInLog(bench: Workbench, project: string): readonly string[] {
  const { events } = readLogFiles(bench.path('data'), project);
  return events.flatMap(({ changes }) => changes.flatMap(({ value }) => (value === null ? [] : [value])));
}
