/**
 * The query of the listing, as texts.
 */
import { compileSchema } from '../../../base/json-schema.js';

/** Largest `limit`. */
export const LISTING_LIMIT_MAX = 10_000;

/** The parameters of a listing, decoded but not yet read. */
export interface ListingParameters {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly reverse?: 'true' | 'false';
  readonly values?: 'true' | 'false';
}

const FLAG = { enum: ['true', 'false'], description: '"true" or "false"' };

/** `GET /projects/{id}/keys`. */
export const checkListingParameters = compileSchema<ListingParameters>({
  type: 'object',
  properties: {
    prefix: { type: 'string' },
    start: { type: 'string' },
    end: { type: 'string' },
    limit: { type: 'string', pattern: '^([1-9][0-9]{0,3}|10000)$', description: `a whole number from 1 to ${LISTING_LIMIT_MAX}` },
    cursor: { type: 'string', pattern: '^[0-9A-Za-z_-]+$', description: 'the one from a "Link" header' },
    reverse: FLAG,
    values: FLAG,
  },
  additionalProperties: false,
});
