/**
 * `simplekv openapi`: prints the document of the API.
 */
import { makeOpenApi } from '../api/openapi.js';
import { ROUTES } from '../api/routes.js';
import { readPackageVersion } from '../base/package-version.js';

const INDENT = 2;

/** Returns the document as text for people and for comparing versions of it. */
export function openApiText(): string {
  return `${JSON.stringify(makeOpenApi(ROUTES, readPackageVersion()), null, INDENT)}\n`;
}
