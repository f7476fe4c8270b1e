/**
 * When a value that is written expires: the parameters of a write of one key, and the members of an operation of a batch.
 */
import { TTL_SECONDS_MAX } from '../api/schemas/keys.js';
import type { SET_PARAMETERS } from '../api/specs/keys.js';
import { parseRfc3339 } from '../base/rfc3339.js';
import type { Expiry } from '../store/command.js';
import type { WriteParameters } from './precondition.js';
import { invalidQuery } from './query.js';

/** The query of a write of one key. */
export interface SetQuery extends WriteParameters {
  readonly expiry?: Expiry;
}

type SetParameters = Partial<Record<keyof typeof SET_PARAMETERS, string>>;

/** The parameters and members that say when a value expires; a write has at most one of them. */
export const EXPIRY_NAMES = ['ttl_seconds', 'expires_at', 'keep_ttl'] as const;

/**
 * Converts the parameters of a write.
 *
 * @throws {AppError} `invalid_query`
 */
export function readSetQuery(parameters: SetParameters): SetQuery {
  const [name, other] = EXPIRY_NAMES.filter((one) => parameters[one] !== undefined);
  if (name === undefined) return parameters;
  if (other !== undefined) throw invalidQuery(`"${name}" and "${other}" both say when the value expires; send one of them`, other);
  const text = parameters[name] ?? '';
  if (name === 'keep_ttl') return { ...parameters, expiry: keptIf(text === 'true') };
  const expiry = expiryIn(name, name === 'ttl_seconds' ? Number(text) : text);
  if (expiry === undefined) throw invalidQuery(`the parameter "${name}" must be ${EXPECTED_EXPIRY[name]}`, name);
  return { ...parameters, expiry };
}

/** What the value of a member must be. */
export const EXPECTED_EXPIRY = {
  ttl_seconds: `a whole number of seconds from 1 to ${TTL_SECONDS_MAX}`,
  expires_at: 'a time such as 2026-11-22T10:00:00Z',
} as const;

/** The expiry of a value whose `keep_ttl` is known. */
export function keptIf(isKept: boolean): Expiry {
  return isKept ? { kind: 'keep' } : { kind: 'never' };
}

/**
 * Returns the expiry that a value names.
 *
 * @returns undefined if it is not what {@link EXPECTED_EXPIRY} says
 */
export function expiryIn(name: keyof typeof EXPECTED_EXPIRY, value: unknown): Expiry | undefined {
  if (name === 'ttl_seconds') {
    const isSeconds = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= TTL_SECONDS_MAX;
    return isSeconds ? { kind: 'after', seconds: value } : undefined;
  }
  const timeMs = typeof value === 'string' ? parseRfc3339(value) : undefined;
  return timeMs === undefined ? undefined : { kind: 'at', timeMs };
}
