/**
 * The project in the path of a route.
 */
import { AppError } from '../../base/app-error.js';
import { isProjectId } from '../../events/project-id.js';
import type { AppContext, AppMiddleware } from '../context.js';

/** Records the project in the path before the API key is checked: the access log then names the project of a refused request too. */
export const inProject: AppMiddleware = (ctx, next) => {
  const { project } = ctx.state.target;
  if (project !== null && isProjectId(project)) ctx.state.projectId = project;
  return next();
};

/**
 * Returns the project id of the path. Called after the authorization, so that a caller without a key does not learn which ids are valid.
 *
 * @throws {AppError} `invalid_project_id`
 */
export function requireProjectId(ctx: AppContext): string {
  const { projectId } = ctx.state;
  if (projectId !== null) return projectId;
  const message = 'Cannot use this project id: it must be 1 to 63 of a-z, 0-9, "_" and "-", and begin with a letter or digit';
  throw new AppError('invalid_project_id', message);
}
