/**
 * What a request was allowed when its headers came, decided anew whenever it matters: when its body is in, in the turn in which
 * its change is decided, at each part of a long answer. A right can end in between: its key is replaced, the project is closed,
 * or deleted and made anew under the same id.
 *
 * The project that was authorised is known by its identity in the registry, which lasts from its creation to its deletion. Not by
 * its log id: a move between memory and disk begins another log of the same project, and must refuse no caller.
 */
import type { Action } from '../auth/authorize.js';
import type { Principal } from '../auth/principal.js';
import { invariant } from '../base/invariant.js';
import type { AppContext } from './context.js';

/** A question to the one decision. */
export interface AuthorizationRequest {
  readonly principal: Principal;
  readonly action: Action;
  /** The project in the path, existing or not; null where the action concerns none. */
  readonly project: string | null;
}

/** What decides. */
export interface Authority {
  /**
   * Decides about a request as if it came now.
   *
   * @throws {AppError} `unauthorized` where the API key holds no more or is missing, `forbidden`
   */
  decide(request: AuthorizationRequest): void;
  /**
   * Refuses a project that is not the one that was meant.
   *
   * @param identity what `Projects.identity` said of it
   * @throws {AppError} `project_not_found`
   */
  requireSame(project: string, identity: symbol | undefined): void;
}

/** A right as it was granted. */
export class Authorization {
  readonly principal: Principal;
  readonly #authority: Authority;
  readonly #project: string | null;
  readonly #identity: symbol | undefined;
  #action: () => Action;

  /** @param identity of the project, undefined where there is none */
  constructor(authority: Authority, request: AuthorizationRequest, identity: symbol | undefined) {
    const { principal, action, project } = request;
    this.principal = principal;
    this.#authority = authority;
    this.#project = project;
    this.#identity = identity;
    this.#action = () => action;
  }

  /**
   * Takes note that what is asked for depends on more than the route, and decides about that.
   *
   * @param action says what is asked for as things stand, each time the right is decided anew
   * @throws {AppError} as {@link Authorization.assertHolds}
   */
  refine(action: () => Action): void {
    this.#action = action;
    this.assertHolds();
  }

  /**
   * Makes sure that the request would still be allowed if it came now, and means the project that it meant.
   *
   * @throws {AppError} what it would be answered now: `unauthorized`, `forbidden`, `project_not_found`
   */
  assertHolds(): void {
    this.#authority.decide({ principal: this.principal, action: this.#action(), project: this.#project });
    if (this.#project !== null) this.#authority.requireSame(this.#project, this.#identity);
  }
}

/**
 * The right of a request.
 *
 * @param ctx the request's context, after the credentials were checked
 * @throws {InvariantError} for a route that checks no credentials
 */
export function authorizationOf({ state }: AppContext): Authorization {
  invariant(state.authorization !== null, 'the credentials were checked');
  return state.authorization;
}
