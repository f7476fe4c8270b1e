/**
 * The caller of a request, after its API key was looked up.
 */

/** The holder of the global API key. */
export interface GlobalPrincipal {
  readonly kind: 'global';
  /** 16 hexadecimal digits. */
  readonly keyId: string;
}

/** The holder of a project's API key. */
export interface ProjectPrincipal {
  readonly kind: 'project';
  readonly project: string;
  /** 16 hexadecimal digits. */
  readonly keyId: string;
}

/** The caller; `anonymous` if it sent no API key. */
export type Principal = GlobalPrincipal | ProjectPrincipal | { readonly kind: 'anonymous' };

/** The caller without an API key. */
export const ANONYMOUS: Principal = { kind: 'anonymous' };
