/** Every fact about the client, by what it is about. */
import { ADMIN_FACTS } from './admin-facts.js';
import type { Fact } from './fact.js';
import { KEY_FACTS } from './key-facts.js';
import { LOG_FACTS } from './log-facts.js';
import { TRANSPORT_FACTS } from './transport-facts.js';

/** The groups. */
export const FACT_GROUPS: Readonly<Record<string, readonly Fact[]>> = {
  keys: KEY_FACTS, failures: TRANSPORT_FACTS, log: LOG_FACTS, administration: ADMIN_FACTS,
};
