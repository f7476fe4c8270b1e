/**
 * Refuses requests that a page of another site makes through its visitor's browser (CSRF). A browser sends the POST of a form to any
 * site without a preflight, so where no API key is needed the browser's headers decide: `Origin`, or else `Sec-Fetch-Site`. A page
 * cannot set either. Knows nothing of API keys and scopes.
 */
import { isIP } from 'node:net';
import { AppError } from '../base/app-error.js';
import { parseHost } from './host-header.js';
import type { RequestHeaders } from './request-headers.js';

interface CrossSiteFacts {
  readonly method: string;
  readonly headers: Pick<RequestHeaders, 'hosts' | 'origins' | 'fetchSites'>;
  /** True if this server itself terminates TLS. */
  readonly isTls: boolean;
  /** Origins that may make changes too, as browsers write them. */
  readonly allowedOrigins: ReadonlySet<string>;
}

/** Methods that change nothing. A page gains nothing by sending them, because the browser hides the answer from it. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const OWN_FETCH_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);
const ORIGIN = /^(https?):\/\/([^/?#@\s]+)$/i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const IPV6 = 6;

/**
 * Refuses a change from a page of another site.
 *
 * @param facts of a request without an API key
 * @throws {AppError} `cross_site_request`
 */
export function refuseCrossSite(facts: CrossSiteFacts): void {
  if (SAFE_METHODS.has(facts.method)) return;
  const { headers: { origins, fetchSites }, allowedOrigins } = facts;
  if (origins.length === 0) {
    if (fetchSites.every((site) => OWN_FETCH_SITES.has(site)) && fetchSites.length <= 1) return;
    throw crossSite('Sec-Fetch-Site is neither "same-origin" nor "none"');
  }
  // With two, neither can be trusted to be the browser's.
  const [origin = ''] = origins;
  if (origins.length === 1 && (allowedOrigins.has(origin) || isOwnOrigin(origin, facts))) return;
  throw crossSite('Origin is neither the origin of this server by its Host header nor in "allowed_origins"');
}

/** A missing port is the default of the origin's scheme, on both sides: behind a TLS proxy, `https://x` arrives with `Host: x`. */
function isOwnOrigin(text: string, { headers, isTls }: CrossSiteFacts): boolean {
  const [, scheme = '', authority = ''] = ORIGIN.exec(text) ?? [];
  const defaultPort = DEFAULT_PORTS[scheme.toLowerCase()];
  if (defaultPort === undefined) return false;
  // An attacker on the network path can serve a page under http. It must not reach the https server.
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
    `Cannot make a change for a page of another site: there is no API key, and ${reason}; ` +
    'send an API key, or have the proxy forward Host unchanged';
  return new AppError('cross_site_request', message);
}
