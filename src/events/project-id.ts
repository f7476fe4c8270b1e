/**
 * The rule for project ids. An id becomes a file name, so it is checked before any file name is built.
 */
import { PROJECT_ID_PATTERN } from '../api/project-settings.js';

const PROJECT_ID = new RegExp(PROJECT_ID_PATTERN);

/** Tells whether decoded text is a valid id: 1 to 63 lower-case letters, digits, `_` and `-`, the first a letter or digit. */
export function isProjectId(text: string): boolean {
  return PROJECT_ID.test(text);
}
