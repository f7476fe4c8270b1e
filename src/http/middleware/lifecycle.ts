/**
 * What is answered while the server is not yet, or no longer, serving.
 */
import { AppError } from '../../base/app-error.js';
import type { AppMiddleware, Lifecycle } from '../context.js';
import { LIVENESS_PATH, READINESS_PATH } from '../routes/health/health-routes.js';

/** Refuses everything but the probes while starting and stopping. */
export function whileServing(lifecycle: Lifecycle): AppMiddleware {
  return async function checkLifecycle(ctx, next) {
    const state = lifecycle.state();
    const { path } = ctx.state.target;
    if (state !== 'serving' && path !== LIVENESS_PATH && path !== READINESS_PATH) {
      if (state === 'starting') throw new AppError('starting', 'The server is starting');
      throw new AppError('shutting_down', 'The server is shutting down');
    }
    await next();
  };
}
