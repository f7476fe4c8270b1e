/**
 * The caller of a request, after its API key was looked up.
 */

/** The time in which an API key works. Milliseconds since 1970. */
export interface KeyWindow {
  /** -Infinity for a key that works from the beginning. */
  readonly notBeforeMs: number;
  /** Infinity for a key that does not expire. */
  readonly expiresAtMs: number;
  /** True if another key has replaced it: until it expires, answers tell its holder when that is. */
  readonly isReplaced: boolean;
}

/** What is known of an API key. */
interface KeyFacts {
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  /** What it may do, see `rights.ts`. */
  readonly rights: number;
  /** Null for a key that always works. */
  readonly window: KeyWindow | null;
  /** When it was last used, by the clock of `performance.now()`; NaN if it was not. A plain number that each request overwrites. */
  readonly use: { lastMs: number };
}

/** The holder of an API key of `default`, the global one or another. */
interface GlobalPrincipal extends KeyFacts {
  readonly kind: 'global';
}

/** The holder of an API key of a project. */
interface ProjectPrincipal extends KeyFacts {
  readonly kind: 'project';
  readonly project: string;
}

/** The holder of an API key. */
export type KeyPrincipal = GlobalPrincipal | ProjectPrincipal;

/** The caller; `anonymous` if it sent no API key. */
export type Principal = KeyPrincipal | { readonly kind: 'anonymous' };

/** The caller without an API key. */
export const ANONYMOUS: Principal = { kind: 'anonymous' };

/** The states of an API key. */
export type KeyState = 'active' | 'not_yet' | 'expired';

/** Returns the state of an API key at a moment, in milliseconds since 1970. */
export function stateAt(window: Pick<KeyWindow, 'notBeforeMs' | 'expiresAtMs'> | null, nowMs: number): KeyState {
  if (window === null) return 'active';
  if (nowMs >= window.expiresAtMs) return 'expired';
  return nowMs < window.notBeforeMs ? 'not_yet' : 'active';
}
