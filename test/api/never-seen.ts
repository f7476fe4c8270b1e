/**
 * Documented answers that no test gets from the program. The list may only become shorter: a run of all tests reports another documented
 * answer that was not seen, and one of these that was.
 */

/** A status, why it is not seen, and on which routes. */
interface NeverSeen {
  readonly status: number;
  readonly reason: string;
  readonly routes: readonly string[];
}

/** All of them. */
export const NEVER_SEEN: readonly NeverSeen[] = [
  {
    status: 408, reason: 'given before the route is known; tests wait for it on two routes',
    routes: [
      'getKey', 'deleteKey', 'listKeys', 'clearKeys', 'readKeys', 'applyBatch', 'listEvents', 'getCheckpoint', 'findReceipt',
      'listProjects', 'createProject', 'getProject', 'updateProject',
      'deleteProject', 'regenerateKey', 'compactProject', 'backUpProject', 'backUpServer', 'getReadiness', 'getRoot',
      'getIndex', 'getOpenApi', 'findOpenApi', 'getDocs',
      'getDocsFile', 'findDocs',
    ],
  },
  {
    status: 409, reason: 'files of others appear in the data folder; tests provoke it without HTTP',
    routes: ['updateProject', 'deleteProject'],
  },
  {
    status: 413, reason: 'the reader of settings gives it; a test provokes it where projects are created',
    routes: ['updateProject', 'regenerateKey', 'compactProject'],
  },
  {
    status: 415, reason: 'the reader of settings gives it; tests provoke it where projects are created and changed',
    routes: ['regenerateKey', 'compactProject'],
  },
  { status: 429, reason: 'only with verbose; the same check as on all other routes', routes: ['getReadiness'] },
  {
    status: 500, reason: 'a bug in the server; tests plant one behind other routes',
    routes: [
      'getKey', 'deleteKey', 'clearKeys', 'readKeys', 'applyBatch', 'listEvents', 'getCheckpoint', 'findReceipt', 'listProjects',
      'getProject', 'updateProject', 'deleteProject', 'backUpProject', 'backUpServer', 'getLiveness',
      'getReadiness', 'getRoot', 'getIndex', 'getOpenApi', 'findOpenApi', 'getDocs', 'getDocsFile', 'findDocs',
    ],
  },
  {
    status: 507, reason: 'a disk so full that not even these fit; tests provoke it without HTTP',
    routes: ['deleteKey', 'clearKeys', 'applyBatch', 'updateProject', 'deleteProject', 'regenerateKey'],
  },
];
