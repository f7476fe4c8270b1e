/**
 * Pages for a browser, which a setting can switch off: each of their paths is then answered as one that no route has.
 */
import { AppError } from '../base/app-error.js';
import type { RouteHandler } from './route-handlers.js';

/**
 * Makes the handler of a page.
 *
 * @param isEnabled looked up at each request, since a reload may change it
 */
export function pageRoute(isEnabled: () => boolean, handle: RouteHandler['handle']): RouteHandler {
  return {
    handle: (exchange) => {
      if (!isEnabled()) throw noPage();
      return handle(exchange);
    },
  };
}

/** The refusal of a path below a page that is none of its files. */
export function noPage(): AppError {
  return new AppError('not_found', 'Cannot find a route with this path');
}
