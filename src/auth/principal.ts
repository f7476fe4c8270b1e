/**
 * Who asks: what is known of a caller after its key was looked up. Knows nothing of how the key came in.
 */

/** The holder of the global key. */
export interface GlobalPrincipal {
  readonly kind: 'global';
  /** 16 hexadecimal digits. */
  readonly keyId: string;
}

/** The holder of a project's key. */
export interface ProjectPrincipal {
  readonly kind: 'project';
  /** The project that the key belongs to. */
  readonly project: string;
  /** 16 hexadecimal digits. */
  readonly keyId: string;
}

/** A caller without a key. */
export interface AnonymousPrincipal {
  readonly kind: 'anonymous';
}

/** The caller. */
export type Principal = GlobalPrincipal | ProjectPrincipal | AnonymousPrincipal;

/** The one who presented no key. */
export const ANONYMOUS: AnonymousPrincipal = { kind: 'anonymous' };
