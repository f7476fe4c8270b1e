/**
 * Requests that another site's page makes through its visitor's browser (CSRF). A browser sends a form's POST anywhere without asking
 * first, so where no key is needed the browser's own word decides: `Origin`, or where there is none `Sec-Fetch-Site`. A page cannot
 * set either. Knows nothing of keys and scopes.
 */
import { isIP } from 'node:net';
import { AppError } from '../base/app-error.js';
import { parseHost } from './host-header.js';
import type { RequestHeaders } from './request-headers.js';

/** What the decision rests on. */
export interface CrossSiteFacts {
  readonly method: string;
  readonly headers: Pick<RequestHeaders, 'hosts' | 'origins' | 'fetchSites'>;
  /** True where this server itself speaks TLS on the connection. */
  readonly isTls: boolean;
}

/** Methods that change nothing, so that a page gains nothing by sending them: the browser hides the answer from it. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const OWN_FETCH_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);
const ORIGIN = /^(https?):\/\/([^/?#@\s]+)$/i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const IPV6 = 6;

/**
 * Refuses a change that another site's page asks for.
 *
 * @param facts method and headers of a request without a key
 * @throws {AppError} `cross_site_request`
 */
export function refuseCrossSite(facts: CrossSiteFacts): void {
  if (SAFE_METHODS.has(facts.method)) return;
  const { origins, fetchSites } = facts.headers;
  if (origins.length === 0) {
    if (fetchSites.every((site) => OWN_FETCH_SITES.has(site)) && fetchSites.length <= 1) return;
    throw crossSite('Sec-Fetch-Site is neither "same-origin" nor "none"');
  }
  // Of two, none can be trusted to be the browser's.
  if (origins.length === 1 && isOwnOrigin(origins[0] ?? '', facts)) return;
  throw crossSite('Origin is not the origin of this server by its Host header');
}

/** A port that is left out is that of the origin's scheme, on both sides: behind a proxy with TLS, `https://x` comes with `Host: x`. */
function isOwnOrigin(text: string, { headers, isTls }: CrossSiteFacts): boolean {
  const [, scheme = '', authority = ''] = ORIGIN.exec(text) ?? [];
  const defaultPort = DEFAULT_PORTS[scheme.toLowerCase()];
  if (defaultPort === undefined) return false;
  // An attacker on the network path can serve a page under http, and must gain nothing over https by it.
  if (isTls && scheme.toLowerCase() !== 'https') return false;
  const origin = normalAuthority(authority, defaultPort);
  return origin !== undefined && origin === normalAuthority(headers.hosts[0] ?? '', defaultPort);
}

function normalAuthority(text: string, defaultPort: number): string | undefined {
  const host = parseHost(text);
  if (host === undefined) return undefined;
  return `${isIP(host.name) === IPV6 ? shortIpv6(host.name) : host.name} ${host.port ?? defaultPort}`;
}

/** One address has many spellings. */
function shortIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname;
}

function crossSite(reason: string): AppError {
  const message =
    `Cannot make a change for a page of another site: no key was sent, and ${reason}; ` +
    'send a key, or let the proxy in front pass Host on as it came';
  return new AppError('cross_site_request', message);
}
