/**
 * A key that was made at a start and that its owner could not be shown: it is in force and known to no one, until another one
 * takes its place.
 */
import type { Logger } from '../base/logger.js';

/** Names the project, and the request that gives it one that its caller knows. */
export function reportUnshownKey(logger: Logger, project: string): void {
  const whatToDo = `POST /api/v1/projects/${project}/api-key/regenerate with the global key: the answer has another one`;
  logger.warn({ project, what_to_do: whatToDo }, 'a key was made for a project that had none, and it was not shown');
}
