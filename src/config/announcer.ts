/**
 * The contract of what shows new API keys to a person: on the console, never in the server log.
 */
import type { KeyScope } from '../auth/keyring.js';

/** What a first run shows to a person. */
export interface FirstRun {
  readonly configPath: string;
  /** The URL of the server, such as `http://127.0.0.1:23849`. */
  readonly url: string;
  readonly project: string;
  readonly globalKey: string;
  readonly projectKey: string;
}

/** Shows API keys to a person, once, outside the server log. */
export interface Announcer {
  /** A configuration was created, with a project and two API keys. */
  firstRun(first: FirstRun): void;
  /** An API key was generated for a scope, which had none or was adopted. */
  generatedKey(scope: KeyScope, key: string): void;
}
