/**
 * The paths that more than one place names.
 */

/** Prefix of every path except the root, the health probes and the page of documentation. */
export const API_PATH = '/api/v1';
/** The path of the projects. */
export const PROJECTS_PATH = `${API_PATH}/projects`;
/** 200 while the process is alive. */
export const LIVENESS_PATH = '/livez';
/** 200 while requests can be served. */
export const READINESS_PATH = '/readyz';
/** The document of the API. */
export const OPENAPI_PATH = `${API_PATH}/openapi.json`;
/** The page that shows it. */
export const DOCS_PATH = '/docs/';
/** The template of a project's path. */
export const PROJECT_PATH = `${PROJECTS_PATH}/{id}`;
