/**
 * The project in a route's path, and the caller as commands name it.
 */
import { AppError } from '../../../base/app-error.js';
import { isProjectId } from '../../../events/project-id.js';
import type { CommandContext } from '../../../store/command.js';
import { authorizationOf } from '../../authorization.js';
import type { AppContext, AppMiddleware } from '../../context.js';
import { actorOf } from '../../../events/actor.js';

/** Notes the project of a route's path, before the key is looked at: a refusal is logged with the project that it aimed at. */
export const inProject: AppMiddleware = (ctx, next) => {
  const { project } = ctx.state.target;
  if (project !== null && isProjectId(project)) ctx.state.projectId = project;
  return next();
};

/**
 * Reads the project's id. Comes after the credentials, so that a caller without a key does not learn what an id may be.
 *
 * @returns a valid project id
 * @throws {AppError} `invalid_project_id`
 */
export function requireProjectId(ctx: AppContext): string {
  const { projectId } = ctx.state;
  if (projectId !== null) return projectId;
  const message = 'Cannot use this project id: it must be 1 to 63 of a-z, 0-9, "_" and "-", and begin with a letter or digit';
  throw new AppError('invalid_project_id', message);
}

/**
 * Says who asks, and lets the turn that carries out the change ask again whether that caller may.
 *
 * @param ctx the request's context, after the credentials were checked
 */
export function commandContext(ctx: AppContext): CommandContext {
  const authorization = authorizationOf(ctx);
  const assertAllowed = (): void => authorization.assertHolds();
  return { actor: actorOf(authorization.principal), requestId: ctx.state.requestId, assertAllowed };
}
