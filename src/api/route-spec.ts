/**
 * The form of the contract: what is said of a route. Handlers, the document of the API and the tests all work from it.
 */
import type { ErrorCode } from '../base/error-codes.js';
import type { JsonSchema } from '../base/setting.js';
import type { Action } from './actions.js';
import type { HeaderName } from './schemas/headers.js';

/** A query parameter. */
export interface ParameterSpec {
  /** The schema of its decoded text, with which the server checks it; `description` words what was expected. */
  readonly schema: JsonSchema;
  /** What it does, as a phrase. */
  readonly meaning: string;
  /** True for a parameter that must be there. @default false */
  readonly isRequired?: boolean;
  /** What the caller must be authorized for in place of the action of the route, where the parameter is there. @default that action */
  readonly action?: Action;
  /** True if its value is the id of the project that {@link ParameterSpec.action} is about. @default false */
  readonly namesProject?: boolean;
  /** True for a parameter without a value. @default false */
  readonly isValueless?: boolean;
  readonly example?: string;
}

/** The body of a request. */
type BodySpec =
  | { readonly kind: 'none' }
  /** A JSON value of any kind, kept token for token. */
  | { readonly kind: 'value' }
  /**
   * A JSON object that the handler checks itself: values in a batch are kept token for token, and reads and reverts have codes of
   * their own. The schema
   * describes it.
   */
  | { readonly kind: 'batch' | 'read' | 'revert'; readonly schema: JsonSchema; readonly example: unknown }
  /** A JSON object, which the server checks with this schema. One that is not required is taken for `{}` when it is missing. */
  | {
    readonly kind: 'json';
    readonly schema: JsonSchema;
    readonly bytesMax: number;
    readonly isRequired: boolean;
    /** The code of a violation of the schema. @default `invalid_settings` */
    readonly refusal?: 'invalid_body';
    readonly example?: unknown;
  };

/** An answer that is not a problem. */
export interface AnswerSpec {
  readonly description: string;
  /** The schema of a JSON body; absent for another body, or none. */
  readonly schema?: JsonSchema;
  /** The media types of a body that is not JSON. */
  readonly mediaTypes?: readonly string[];
  /** Other forms of the body, by media type, between which the header `Accept` chooses. */
  readonly alternatives?: Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;
  /** Headers that the answer always has. */
  readonly headers?: readonly HeaderName[];
  /** Headers that it may have. */
  readonly optionalHeaders?: readonly HeaderName[];
  readonly example?: unknown;
}

/** What exists: a method and a path, what a request for it must satisfy, and what it is answered. */
export interface RouteSpec {
  /** Names the operation. */
  readonly id: string;
  /** `GET` includes `HEAD`. */
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Other methods with the same meaning. */
  readonly aliases?: readonly 'POST'[];
  /** `{id}`, `{key_id}` and `{file}` are one segment; `{key}` and `{place}` are the rest of the path, slashes included. */
  readonly path: `/${string}`;
  /** What the caller must be authorized for; null: no API key is needed. */
  readonly action: Action | null;
  /**
   * What the path must name for the handler to be called: nothing, a valid project id, a project in any state, or a project that can be
   * read and written.
   */
  readonly needs: 'nothing' | 'id' | 'project' | 'store';
  /** The rate of requests on which it draws, if the project has one; null: on none. */
  readonly rate: 'read' | 'write' | null;
  readonly tag: 'projects' | 'keys' | 'log' | 'access' | 'server';
  /** What it does, in a few words. */
  readonly summary: string;
  /** What else a caller should know. Markdown. */
  readonly description?: string;
  /** The parameters, by name; absent: every parameter is refused. */
  readonly query?: Readonly<Record<string, ParameterSpec>>;
  /** Headers of the request with a meaning on this route only, by name. The handler checks them. */
  readonly requestHeaders?: Readonly<Record<string, ParameterSpec>>;
  /**
   * The conditions that the handler reads: headers, and for `write` the parameter `if_seq` as well. `none` refuses conditional headers;
   * `ignored` is for routes that never had a version.
   */
  readonly preconditions: 'ignored' | 'none' | 'read' | 'write';
  /** True for a change of data that takes effect once if it has an `Idempotency-Key`, however often it is sent. @default false */
  readonly idempotent?: boolean;
  readonly body: BodySpec;
  /** By status. */
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** Codes beyond those that `route-problems.ts` derives from the other fields. */
  readonly problems: readonly ErrorCode[];
  /** The version of the program that had it first. */
  readonly since: string;
}
