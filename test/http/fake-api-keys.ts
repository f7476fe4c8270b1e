/** Fake API keys for the HTTP tests: lists of details by scope, without a keyring. */
import { type KeyScope, nameScope } from '../../src/auth/keyring.js';
import type { KeyPrincipal } from '../../src/auth/principal.js';
import { AppError } from '../../src/base/app-error.js';
import { isoTime } from '../../src/base/iso-time.js';
import type {
  ApiKeyChange, ApiKeyDetails, ApiKeyName, ApiKeys, KeyCaller, MadeApiKey, NewApiKey, RotatedApiKey,
} from '../../src/projects/access/api-keys.js';

/** An id that every scope has. */
export const FAKE_KEY_ID = '3f2a9c0d11e8b7a6';

const DETAILS: ApiKeyDetails = {
  id: FAKE_KEY_ID, name: 'dashboard', permissions: ['read'], not_before: null, expires_at: null, created_at: null, last_used_at: null,
  state: 'active',
};

/** Keeps the changes that were asked for. */
export class FakeApiKeys implements ApiKeys {
  readonly changes: { readonly kind: string; readonly scope: KeyScope; readonly asked?: unknown; readonly caller: KeyCaller }[] = [];
  /** Thrown by every call, if there is one. */
  refusal: Error | undefined;
  readonly #removed = new Set<string>();

  list(scope: KeyScope): readonly ApiKeyDetails[] {
    if (this.refusal !== undefined) throw this.refusal;
    return this.#removed.has(nameScope(scope)) ? [] : [DETAILS];
  }

  get({ scope, keyId }: ApiKeyName): ApiKeyDetails {
    const found = this.list(scope).find(({ id }) => id === keyId);
    if (found === undefined) throw new AppError('api_key_not_found', 'There is no such API key here');
    return found;
  }

  own({ keyId }: KeyPrincipal): ApiKeyDetails {
    if (this.refusal !== undefined) throw this.refusal;
    return { ...DETAILS, id: keyId };
  }

  async create(scope: KeyScope, key: NewApiKey, caller: KeyCaller): Promise<MadeApiKey> {
    this.#note('create', scope, key, caller);
    const time = (timeMs: number | null): string | null => (timeMs === null ? null : isoTime(timeMs));
    const { name, permissions, notBeforeMs, expiresAtMs } = key;
    return {
      details: { ...DETAILS, name, permissions, not_before: time(notBeforeMs), expires_at: time(expiresAtMs) }, apiKey: 'skv_k_made',
    };
  }

  async change({ scope, keyId }: ApiKeyName, change: ApiKeyChange, caller: KeyCaller): Promise<ApiKeyDetails> {
    this.#note('change', scope, change, caller);
    return this.get({ scope, keyId });
  }

  async rotate({ scope, keyId }: ApiKeyName, overlapMs: number, caller: KeyCaller): Promise<RotatedApiKey> {
    this.#note('rotate', scope, overlapMs, caller);
    const details = this.get({ scope, keyId });
    return { details, apiKey: 'skv_k_made', previous: { id: keyId, expires_at: isoTime(overlapMs) } };
  }

  async remove({ scope, keyId }: ApiKeyName, caller: KeyCaller): Promise<void> {
    this.#note('remove', scope, undefined, caller);
    this.get({ scope, keyId });
    this.#removed.add(nameScope(scope));
  }

  /** Forgets every change. */
  reset(): void {
    this.changes.length = 0;
    this.#removed.clear();
  }

  #note(kind: string, scope: KeyScope, asked: unknown, caller: KeyCaller): void {
    if (this.refusal !== undefined) throw this.refusal;
    caller.context.assertAllowed?.();
    this.changes.push({ kind, scope, asked, caller });
  }
}
