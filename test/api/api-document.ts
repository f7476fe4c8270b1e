/** The document of the API, as the tests read it. */
import { makeOpenApi, type OpenApiDocument, type OpenApiOperation, type OpenApiResponse } from '../../src/api/openapi.js';
import { ROUTES } from '../../src/api/routes.js';
import { readPackageVersion } from '../../src/base/package-version.js';

/** The document. */
export const API_DOCUMENT: OpenApiDocument = makeOpenApi(ROUTES, readPackageVersion());

/** An operation and where it is. */
export interface FoundOperation {
  /** The template of the path. */
  readonly path: string;
  /** In lower case. */
  readonly method: string;
  readonly operation: OpenApiOperation;
}

/** Every operation. */
export const OPERATIONS: readonly FoundOperation[] = Object.entries(API_DOCUMENT.paths).flatMap(([path, operations]) => (
  Object.entries(operations).map(([method, operation]) => ({ path, method, operation }))
));

/** Follows the reference of an answer that has a name. */
export function resolved(response: OpenApiOperation['responses'][string]): OpenApiResponse {
  if (!('$ref' in response)) return response;
  const found = API_DOCUMENT.components.responses[response.$ref.slice('#/components/responses/'.length)];
  if (found === undefined) throw new Error(`The document has no ${response.$ref}`);
  return found;
}

/** The patterns of the paths: `{key}` and `{place}` are the rest of a path, any other parameter is one segment. */
const TEMPLATES = Object.keys(API_DOCUMENT.paths).map((template) => {
  const pattern = template.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{(?:key|place)\}/, '.+').replaceAll(/\{\w+\}/g, '[^/]+');
  return { template, pattern: new RegExp(`^${pattern}$`, 's') };
});

/** Finds the template of a raw path; undefined if no path of the document fits. */
export function templateOf(path: string): string | undefined {
  return TEMPLATES.find(({ pattern }) => pattern.test(path))?.template;
}
