/**
 * Answers requests that match no route: 404, 405 with the supported methods, or just these methods for `OPTIONS`.
 */
import { AppError } from '../../base/app-error.js';
import type { AppContext, AppMiddleware } from '../context.js';

/** Every method of any route, in the order of `Allow`. */
export const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const;

const NO_CONTENT = 204;
const SERVER_TARGET = '*';

/** Answers the requests that the router did not; comes after it. */
export function noRoute(): AppMiddleware {
  return function answerNoRoute(ctx) {
    const allowed = allowedMethods(ctx);
    if (allowed === undefined) throw new AppError('not_found', 'Cannot find a route with this path');
    ctx.set('Allow', allowed);
    if (ctx.method !== 'OPTIONS' || ctx.state.target.path === SERVER_TARGET) {
      throw new AppError('method_not_allowed', `Cannot ${ctx.method} this path: its methods are ${allowed}`);
    }
    ctx.status = NO_CONTENT;
  };
}

function allowedMethods(ctx: AppContext): string | undefined {
  if (ctx.state.target.path === SERVER_TARGET) return ALL_METHODS.join(', ');
  const matched = ctx.matched ?? [];
  if (matched.length === 0) return undefined;
  const methods = new Set(matched.flatMap((route) => route.methods));
  return ALL_METHODS.filter((method) => method === 'OPTIONS' || methods.has(method)).join(', ');
}
