/**
 * Manages the API keys of all scopes, over the services of projects.
 */
import type { KeyScope } from '../../auth/keyring.js';
import type { KeyPrincipal } from '../../auth/principal.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectServices } from '../project-resources.js';
import { accessScope } from './access-scope.js';
import type {
  ApiKeyChange, ApiKeyDetails, ApiKeyName, ApiKeys, KeyCaller, MadeApiKey, NewApiKey, RotatedApiKey,
} from './api-keys.js';
import { addKey, changeKey, keyNotFound, removeKey, rotateKey } from './change-keys.js';
import { describeEntry, describeKeys } from './key-details.js';

/** What the manager of projects provides. */
interface KeyManagerParts {
  /** @throws {AppError} `starting` before there are any */
  readonly services: () => ProjectServices;
  /** Runs a change in turn with all others. */
  readonly inTurn: <T>(context: CommandContext, change: (services: ProjectServices, allowed: CommandContext) => Promise<T>) => Promise<T>;
}

/** Manages API keys. */
export class KeyManager implements ApiKeys {
  readonly #parts: KeyManagerParts;

  constructor(parts: KeyManagerParts) {
    this.#parts = parts;
  }

  list(scope: KeyScope): readonly ApiKeyDetails[] {
    const services = this.#parts.services();
    return describeKeys(accessScope(services, scope), services);
  }

  get({ scope, keyId }: ApiKeyName): ApiKeyDetails {
    const found = this.list(scope).find(({ id }) => id === keyId);
    if (found === undefined) throw keyNotFound();
    return found;
  }

  own(principal: KeyPrincipal): ApiKeyDetails {
    const scope: KeyScope = principal.kind === 'global' ? { kind: 'global' } : { kind: 'project', project: principal.project };
    return this.get({ scope, keyId: principal.keyId });
  }

  async create(scope: KeyScope, key: NewApiKey, caller: KeyCaller): Promise<MadeApiKey> {
    return await this.#change(caller, async (services, allowed) => {
      const access = accessScope(services, scope);
      const { entry, key: apiKey } = await addKey(services, access, key, allowed);
      return { details: describeEntry(access, entry, services), apiKey };
    });
  }

  async change({ scope, keyId }: ApiKeyName, change: ApiKeyChange, caller: KeyCaller): Promise<ApiKeyDetails> {
    return await this.#change(caller, async (services, allowed) => {
      const access = accessScope(services, scope);
      return describeEntry(access, await changeKey(services, access, { keyId, change }, allowed), services);
    });
  }

  async rotate({ scope, keyId }: ApiKeyName, overlapMs: number, caller: KeyCaller): Promise<RotatedApiKey> {
    return await this.#change(caller, async (services, allowed) => {
      const access = accessScope(services, scope);
      const { entry, key: apiKey, previousExpiresAt } = await rotateKey(services, access, { keyId, overlapMs }, allowed);
      return { details: describeEntry(access, entry, services), apiKey, previous: { id: keyId, expires_at: previousExpiresAt } };
    });
  }

  async remove({ scope, keyId }: ApiKeyName, caller: KeyCaller): Promise<void> {
    await this.#change(caller, (services, allowed) => removeKey(services, accessScope(services, scope), keyId, allowed));
  }

  async #change<T>({ context, rights }: KeyCaller, change: (services: ProjectServices, caller: KeyCaller) => Promise<T>): Promise<T> {
    return await this.#parts.inTurn(context, (services, allowed) => change(services, { context: allowed, rights }));
  }
}
