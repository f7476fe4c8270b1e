/**
 * The contract as data: every route, once. Says what exists, what a request must satisfy and what it is answered, not how.
 */
import { ACCESS_ROUTES } from './specs/access.js';
import { BACKUP_ROUTES } from './specs/backup.js';
import { HISTORY_ROUTES } from './specs/history.js';
import { KEY_ROUTES } from './specs/keys.js';
import { LOG_ROUTES } from './specs/log.js';
import { PROJECT_ROUTES } from './specs/projects.js';
import { SERVER_ROUTES } from './specs/server.js';
import { STATS_ROUTES } from './specs/stats.js';

/** Every route. */
export const ROUTES = [
  ...KEY_ROUTES, ...HISTORY_ROUTES, ...LOG_ROUTES, ...PROJECT_ROUTES, ...ACCESS_ROUTES, ...BACKUP_ROUTES, ...STATS_ROUTES,
  ...SERVER_ROUTES,
] as const;

/** The id of a route. */
export type RouteId = (typeof ROUTES)[number]['id'];
