/**
 * The methods of this server and of its routes.
 */
import type { RouteSpec } from '../api/route-spec.js';

/** Every method of any route, in the order of `Allow`. */
export const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const;

const SERVER_TARGET = '*';

/** Returns the methods that a route answers. */
export function methodsOf({ method, aliases = [] }: RouteSpec): string[] {
  return [...(method === 'GET' ? ['HEAD'] : []), method, ...aliases];
}

/**
 * Returns the value of `Allow` for a path; undefined if no route has it.
 *
 * @param methods those of all routes with this path
 */
export function allowedMethods(path: string, methods: readonly string[]): string | undefined {
  if (path === SERVER_TARGET) return ALL_METHODS.join(', ');
  if (methods.length === 0) return undefined;
  return ALL_METHODS.filter((method) => method === 'OPTIONS' || methods.includes(method)).join(', ');
}
