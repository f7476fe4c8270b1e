/**
 * The routes of backups.
 */
import { API_PATH, PROJECT_PATH } from '../paths.js';
import type { RouteSpec } from '../route-spec.js';

/** Media type of a backup. */
export const BACKUP_MEDIA_TYPE = 'application/x-tar';

const WHOLE = 'Its last file is a manifest with the digests of all others: what has none is incomplete. Write it to a file and check that '
  + 'with `simplekv verify FILE`, or let `simplekv backup` do both. Ends after 30 s in which nothing was taken, and after 6 hours.';
const BACKUP = {
  method: 'GET', preconditions: 'none', body: { kind: 'none' }, since: '0.2.0',
  answers: {
    200: {
      description: 'A tar archive: an uncompressed, extractable data folder.', mediaTypes: [BACKUP_MEDIA_TYPE],
      headers: ['Content-Disposition'],
    },
  },
} as const;

/** The routes. */
export const BACKUP_ROUTES = [
  {
    ...BACKUP,
    id: 'backUpProject', path: `${PROJECT_PATH}/backup`, action: 'project.backup', needs: 'project', rate: null, tag: 'projects',
    summary: 'Back up a project',
    description: `The log and the snapshots of the project as they are now, while writes go on; no API key, no hash of one. ${WHOLE}`,
    problems: [
      'not_on_disk', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'project_missing', 'project_outdated',
      'project_newer_format', 'too_many_streams', 'busy',
    ],
  },
  {
    ...BACKUP,
    id: 'backUpServer', path: `${API_PATH}/backup`, action: 'server.backup', needs: 'nothing', rate: null, tag: 'server',
    summary: 'Back up all projects',
    description: 'All projects on disk and the registry, as they are at one moment, while writes go on; no configuration, no API key, no '
      + `hash of one. The manifest names the projects that are not in it, such as those in memory. ${WHOLE}`,
    problems: ['disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'too_many_streams', 'busy'],
  },
] as const satisfies readonly RouteSpec[];
