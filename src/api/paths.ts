/**
 * The paths that more than one place names.
 */

/** Prefix of every path except the root, the health probes, the metrics and the page of documentation. */
export const API_PATH = '/api/v1';
/** The path of the projects. */
export const PROJECTS_PATH = `${API_PATH}/projects`;
/** 200 while the process is alive. */
export const LIVENESS_PATH = '/livez';
/** 200 while requests can be served. */
export const READINESS_PATH = '/readyz';
/** Metrics for Prometheus. */
export const METRICS_PATH = '/metrics';
/** The document of the API. */
export const OPENAPI_PATH = `${API_PATH}/openapi.json`;
/** The history of the last hour. */
export const STATS_PATH = `${API_PATH}/stats`;
/** The page that shows it. */
export const DOCS_PATH = '/docs/';
/** The web UI. */
export const UI_PATH = '/ui/';
/** The template of a project's path. */
export const PROJECT_PATH = `${PROJECTS_PATH}/{id}`;
/** The path of the API keys of `default`, which hold for all projects. */
export const API_KEYS_PATH = `${API_PATH}/api-keys`;
/** The template of the path of a project's API keys. */
export const PROJECT_API_KEYS_PATH = `${PROJECT_PATH}/api-keys`;
