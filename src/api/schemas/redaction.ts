/**
 * Schemas of a redaction and of what it answers.
 */
import { HASH, SEQ } from './keys.js';

/** Lines that a redaction may name. */
const REDACTED_LINES_MAX = 1000;
/** Characters of its reason. */
const REASON_CHARACTERS_MAX = 500;

const LINE_SEQ = { ...SEQ, minimum: 1 } as const;
const SEQS = { type: 'array', items: LINE_SEQ } as const;

/** The body of a redaction. */
export const REDACTION_REQUEST = {
  type: 'object',
  properties: {
    seqs: {
      ...SEQS, minItems: 1, maxItems: REDACTED_LINES_MAX, title: 'the lines whose values are erased',
      description: `a list of 1 to ${REDACTED_LINES_MAX} seqs`,
    },
    reason: {
      type: 'string', minLength: 1, maxLength: REASON_CHARACTERS_MAX, title: 'recorded in the log for ever: name no person in it',
      description: `a text of 1 to ${REASON_CHARACTERS_MAX} characters`,
    },
  },
  required: ['seqs', 'reason'],
  additionalProperties: false,
} as const;

/** The answer to a redaction. */
export const REDACTION = {
  type: 'object',
  properties: {
    seq: { ...LINE_SEQ, title: 'the line that records the erasure; missing if nothing was left to erase' },
    hash: { ...HASH, title: 'the hash of that line: a receipt' },
    erased: { ...SEQS, title: 'lines that were erased now' },
    already_erased: { ...SEQS, title: 'lines that had been erased before' },
    without_value: { ...SEQS, title: 'lines that have no value, such as deletions: they stay as they are' },
  },
  required: ['erased', 'already_erased', 'without_value'],
} as const;
