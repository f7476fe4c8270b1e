/** Saboteurs of the client: what it repeats, and on which version it builds. */
import type { Saboteur } from './saboteur.js';

/** They live in `client`. */
export const CLIENT_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'send-a-write-again-without-its-key',
    changes: [{ file: 'src/client/changes.ts', find: `'Idempotency-Key': idempotencyKey`, replace: `'Other-Key': idempotencyKey` }],
    tests: ['client/node-facts.e2e', 'client/chaos.e2e'],
  },
  {
    name: 'repeat-a-write-whose-outcome-is-unknown',
    changes: [{ file: 'src/client/error.ts', find: `'rate_limited', 'too_many`, replace: `'outcome_unknown', 'rate_limited', 'too_many` }],
    tests: ['client/node-facts.e2e'],
  },
  {
    name: 'update-without-the-version',
    changes: [{ file: 'src/client/simple-kv.ts', find: '{ ifEtag: entry.etag }', replace: '{}' }],
    tests: ['client/node-facts.e2e', 'client/chaos.e2e'],
  },
];
