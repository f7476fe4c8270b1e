/**
 * The authorization of a request, checked again whenever it matters: when its body has arrived, in the turn that decides its change,
 * and before each part of a long answer. It can end in between: the API key is replaced, or the project is closed, deleted, or
 * recreated under the same id.
 *
 * The authorized project is known by its identity in the registry, which lasts from its creation to its deletion. The log id is not
 * suitable: a move between memory and disk starts another log of the same project and must not refuse any caller.
 */
import { type Action, needsOf } from '../api/actions.js';
import { authorize, type AuthorizationRequest, neededPermissions } from '../auth/authorize.js';
import { type KeyWindow, type Principal, stateAt } from '../auth/principal.js';
import { namePermissions } from '../auth/rights.js';
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { actorOf } from '../events/actor.js';
import type { CommandContext } from '../store/command.js';
import type { Exchange } from './exchange.js';
import type { HttpParts } from './http-parts.js';
import { fingerprintOf } from './idempotency.js';

type AuthorizationParts = Pick<HttpParts, 'keyring' | 'scopes' | 'projects'>;

// The same text for a missing and an unknown key, and whether or not the project exists.
const UNAUTHORIZED = 'Cannot access this resource without a valid API key: send "Authorization: Bearer KEY" or "X-API-Key: KEY"';
const FORBIDDEN = 'This API key does not grant access to this resource';
const EXPIRED = 'This API key has expired; ask the operator of the server for another one';
// Only where that tells nothing about another project.
const NEEDS_GLOBAL = 'Cannot do this with the API key of a project: it needs the global API key';

/** What a caller asked for, and whether it is still allowed. */
export class Authorization {
  #principal: Principal;
  readonly #parts: AuthorizationParts;
  readonly #project: string | null;
  readonly #identity: symbol | undefined;
  /** The keyring's epoch when the API key was last known to be current. */
  #epoch = 0;
  #action: () => Action;

  constructor(parts: AuthorizationParts, { principal, action, project }: AuthorizationRequest) {
    this.#principal = principal;
    this.#parts = parts;
    this.#project = project;
    this.#identity = project === null ? undefined : parts.projects.identity(project);
    this.#action = () => action;
  }

  /** The caller, as last looked up. */
  get principal(): Principal {
    return this.#principal;
  }

  /**
   * Replaces the action by one that depends on more than the route, and checks it.
   *
   * @param action evaluated at each check
   * @throws {AppError} as {@link Authorization.assertHolds}
   */
  refine(action: () => Action): void {
    this.#action = action;
    this.assertHolds();
  }

  /** True if the project was deleted, or deleted and created again. */
  get isProjectGone(): boolean {
    return this.#project !== null && this.#parts.projects.identity(this.#project) !== this.#identity;
  }

  /**
   * Checks that the request would be allowed now, and that its project is still the same.
   *
   * @throws {AppError} `unauthorized`, `forbidden`, `project_not_found`
   */
  assertHolds(): void {
    const { keyring, scopes } = this.#parts;
    const project = this.#project;
    if (keyring.epoch !== this.#epoch) this.#lookUpAgain();
    const principal = this.#principal;
    if (principal.kind !== 'anonymous' && principal.window !== null) assertWorks(principal.window, keyring.nowMs());
    const action = this.#action();
    const decision = authorize({ principal, action, project }, scopes);
    if (decision === 'unauthorized') throw unauthorized();
    if (decision === 'forbidden') throw this.#forbidden({ principal, action, project });
    if (!this.isProjectGone) return;
    throw new AppError('project_not_found', `Cannot find the project "${project}": it was deleted during the request`);
  }

  #lookUpAgain(): void {
    const { keyring } = this.#parts;
    const principal = keyring.current(this.#principal);
    if (principal === undefined) throw unauthorized();
    this.#principal = principal;
    this.#epoch = keyring.epoch;
  }

  #forbidden(request: AuthorizationRequest): AppError {
    const { principal, project, action } = request;
    const permissions = neededPermissions(request, this.#parts.scopes);
    if (permissions.length > 0) {
      const message = `Cannot do this with this API key: it needs ${namePermissions(permissions)}`;
      return new AppError('forbidden', message, { facts: { permissions } });
    }
    const isOwn = project === null || (principal.kind === 'project' && principal.project === project);
    return new AppError('forbidden', isOwn ? needsGlobal(action) : FORBIDDEN);
  }
}

function needsGlobal(action: Action): string {
  const { permissions } = needsOf(action);
  return permissions.includes('all') ? NEEDS_GLOBAL : `${NEEDS_GLOBAL}, or one for all projects with ${namePermissions(permissions)}`;
}

/**
 * Checks that an API key works at a moment. Only of one that has expired the refusal says why.
 *
 * @param nowMs milliseconds since 1970
 * @throws {AppError} `unauthorized`
 */
export function assertWorks(window: KeyWindow, nowMs: number): void {
  const state = stateAt(window, nowMs);
  if (state === 'active') return;
  throw state === 'expired' ? new AppError('unauthorized', EXPIRED, { facts: { reason: 'expired' } }) : unauthorized();
}

/** The refusal of a missing or unknown API key. */
export function unauthorized(): AppError {
  return new AppError('unauthorized', UNAUTHORIZED);
}

/**
 * Returns the authorization of a request.
 *
 * @throws {InvariantError} on a route that requires none
 */
export function authorizationOf({ authorization }: Exchange): Authorization {
  invariant(authorization !== null, 'the route requires authorization');
  return authorization;
}

/** The caller for a command; the turn that decides the command checks the authorization again. */
export function commandContext(exchange: Exchange): CommandContext {
  const authorization = authorizationOf(exchange);
  const assertAllowed = (): void => authorization.assertHolds();
  const fingerprint = exchange.idempotency === 'valid' ? fingerprintOf(exchange) : undefined;
  return { actor: actorOf(authorization.principal), requestId: exchange.requestId, assertAllowed, fingerprint };
}
