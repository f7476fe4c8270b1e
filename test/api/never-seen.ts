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
      'getKey', 'deleteKey', 'listKeys', 'clearKeys', 'readKeys', 'applyBatch', 'diffKeys', 'revertKeys', 'listEvents', 'getCheckpoint',
      'findReceipt', 'redactLines', 'listProjects', 'createProject', 'getProject', 'getLimits', 'updateProject',
      'deleteProject', 'regenerateKey', 'compactProject', 'backUpProject', 'backUpServer', 'getReadiness', 'getRoot',
      'getIndex', 'getOpenApi', 'findOpenApi', 'getDocs',
      'getDocsFile', 'findDocs', 'getUi', 'getUiProject', 'getUiAsset', 'findUi',
      'listApiKeys', 'createApiKey', 'getOwnApiKey', 'getApiKey', 'changeApiKey', 'rotateApiKey', 'removeApiKey', 'listGlobalApiKeys',
      'createGlobalApiKey', 'findOwnApiKey', 'getGlobalApiKey', 'changeGlobalApiKey', 'rotateGlobalApiKey', 'removeGlobalApiKey',
      'getMetrics', 'getStats',
      'reloadConfig',
    ],
  },
  {
    status: 413, reason: 'the reader of settings gives it; a test provokes it where projects are created',
    routes: ['updateProject', 'regenerateKey', 'compactProject', 'redactLines'],
  },
  {
    status: 415, reason: 'the reader of settings gives it; tests provoke it where projects are created and changed',
    routes: ['regenerateKey', 'compactProject', 'redactLines'],
  },
  { status: 429, reason: 'only with verbose; the same check as on all other routes', routes: ['getReadiness'] },
  {
    status: 500, reason: 'a bug in the server; tests plant one behind other routes',
    routes: [
      'getKey', 'deleteKey', 'clearKeys', 'readKeys', 'applyBatch', 'diffKeys', 'revertKeys', 'listEvents', 'getCheckpoint', 'findReceipt',
      'listProjects', 'getProject', 'getLimits', 'deleteProject', 'redactLines',
      'backUpProject', 'backUpServer', 'getLiveness',
      'getReadiness', 'getRoot', 'getIndex', 'getOpenApi', 'findOpenApi', 'getDocs', 'getDocsFile', 'findDocs',
      'getUi', 'getUiProject', 'getUiAsset', 'findUi',
    ],
  },
  {
    status: 507, reason: 'an earlier state that is larger than its limit, or finds no space; tests provoke it without HTTP',
    routes: ['getKey', 'listKeys', 'readKeys'],
  },
  {
    status: 507, reason: 'a disk so full that not even these fit; tests provoke it without HTTP',
    routes: ['deleteKey', 'clearKeys', 'deleteProject', 'redactLines'],
  },
];
