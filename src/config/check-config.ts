/**
 * Checks a configuration, when it is loaded and before the server writes it: its schema, and the settings against each other. Pure.
 */
import { isIP, isIPv4 } from 'node:net';
import { ANY_ORIGIN, browserOrigin } from '../base/origin.js';
import { compileSchema, type SchemaFault } from '../base/json-schema.js';
import { isGeneratedKey, looksGenerated } from '../auth/api-key.js';
import { parseKeyHash } from '../auth/key-hash.js';
import type { KeyScope } from '../auth/keyring.js';
import { parseRfc3339 } from '../base/rfc3339.js';
import type { ApiKeyEntry } from './api-key-entries.js';
import { type AuthenticationEntry, CONFIG_SCHEMA, CONFIG_VERSION, type ConfigDocument } from './config-document.js';
import { ConfigError } from './config-error.js';
import { serverSettingsOf } from './server-options.js';

const checkShape = compileSchema<ConfigDocument>(CONFIG_SCHEMA);

const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];
const IPV4_PREFIX_BITS_MAX = 32;
const IPV6_PREFIX_BITS_MAX = 128;

/** What is expected of a scope that pages of every site could use. */
const CLOSED_TO_ANY_ORIGIN = 'true while allowed_origins has "*": every web page could read and change an open scope through its visitors';

/** The `authentication` of a scope, undefined if it is left out, and the JSON pointer to it. */
interface AuthenticationAt {
  readonly pointer: string;
  readonly scope: KeyScope;
  readonly entry: Partial<AuthenticationEntry> | undefined;
}

/** Lists the `authentication` of every scope: the global one first, then those of the projects in their order. */
function authenticationsIn(document: ConfigDocument): readonly AuthenticationAt[] {
  return [
    { pointer: '/default/authentication', scope: { kind: 'global' }, entry: document.default?.authentication },
    ...document.projects.map(({ id, authentication: entry }, index) => (
      { pointer: `/projects/${index}/authentication`, scope: { kind: 'project', project: id } as const, entry }
    )),
  ];
}

/** An API key in a document, the JSON pointer to what has it, and its scope. */
interface KeyAt {
  readonly pointer: string;
  readonly scope: KeyScope;
  readonly entry: Pick<AuthenticationEntry, 'api_key' | 'api_key_hash'>;
  /** Undefined for the primary key of the scope. */
  readonly listed: ApiKeyEntry | undefined;
}

/** Lists the primary key of every scope, with or without a key, and the keys in its list after it; scopes as {@link authenticationsIn}. */
export function keysIn(document: ConfigDocument): readonly KeyAt[] {
  return authenticationsIn(document).flatMap(({ pointer, entry, scope }) => [
    { pointer, scope, entry: keyPartsOf(entry ?? {}), listed: undefined },
    ...(entry?.api_keys ?? []).map((listed, index) => (
      { pointer: `${pointer}/api_keys/${index}`, scope, entry: keyPartsOf(listed), listed }
    )),
  ]);
}

function keyPartsOf({ api_key = null, api_key_hash = null }: Partial<AuthenticationEntry> | ApiKeyEntry): KeyAt['entry'] {
  return { api_key, api_key_hash };
}

/**
 * Checks a whole document.
 *
 * @throws {ConfigError} for the first fault
 */
export function checkConfig(document: unknown): ConfigDocument {
  checkVersion(document);
  const result = checkShape(document);
  if (!result.ok) throw new ConfigError(withoutSecrets(result.fault));
  checkOptions(result.document);
  checkOrigins(result.document);
  checkProjectIds(result.document);
  checkKeys(result.document);
  return result.document;
}

/** Checked first: otherwise the members of another version would be reported as unknown. */
function checkVersion(document: unknown): void {
  if (typeof document !== 'object' || document === null || !('version' in document)) return;
  const { version } = document;
  if (typeof version !== 'number' || version === CONFIG_VERSION) return;
  const expected = `${CONFIG_VERSION}: this file belongs to another version of SimpleKV`;
  throw new ConfigError({ pointer: '/version', found: String(version), expected });
}

/** Objects, lists and the members of `authentication` may contain an API key, which must not be shown. */
function withoutSecrets(fault: SchemaFault): SchemaFault {
  const { pointer, expected, found } = fault;
  if (found === undefined) return fault;
  if (found.startsWith('{')) return { pointer, expected, found: 'an object' };
  if (found.startsWith('[')) return { pointer, expected, found: 'a list' };
  const isSecret = found.startsWith('"') && (/\/authentication(\/|$)/.test(pointer) || found.includes('skv_'));
  return isSecret ? { pointer, expected, found: 'another text' } : fault;
}

function checkOptions(document: ConfigDocument): void {
  const { timeouts, limits, trusted_proxies: proxies } = serverSettingsOf(document);
  const { headers_seconds: headers, request_seconds: request } = timeouts;
  if (headers > request) {
    const expected = `at most timeouts.request_seconds, which is ${request}`;
    throw new ConfigError({ pointer: '/timeouts/headers_seconds', found: String(headers), expected });
  }
  // A line is a little longer than its value: in a shorter queue an allowed value might never fit.
  if (limits.max_queue_bytes < 2 * limits.max_value_bytes) {
    const expected = `at least twice limits.max_value_bytes, which is ${limits.max_value_bytes}`;
    throw new ConfigError({ pointer: '/limits/max_queue_bytes', found: String(limits.max_queue_bytes), expected });
  }
  for (const [index, text] of proxies.entries()) {
    if (isNetwork(text)) continue;
    const expected = 'an IP address, a network such as 10.0.0.0/8, or one of loopback, linklocal, uniquelocal';
    throw new ConfigError({ pointer: `/trusted_proxies/${index}`, found: JSON.stringify(text), expected });
  }
}

function checkOrigins(document: ConfigDocument): void {
  const { allowed_origins: origins } = serverSettingsOf(document);
  for (const [index, text] of origins.entries()) {
    const written = text === ANY_ORIGIN ? text : browserOrigin(text);
    if (written === text) continue;
    const expected = written === undefined ? 'an origin such as "https://app.example.com"' : `"${written}", as browsers write it`;
    throw new ConfigError({ pointer: `/allowed_origins/${index}`, found: JSON.stringify(text), expected });
  }
  if (!origins.includes(ANY_ORIGIN)) return;
  const open = authenticationsIn(document).find(({ entry }) => entry?.enabled === false);
  if (open !== undefined) throw new ConfigError({ pointer: `${open.pointer}/enabled`, found: 'false', expected: CLOSED_TO_ANY_ORIGIN });
}

function isNetwork(text: string): boolean {
  if (NAMED_NETWORKS.includes(text)) return true;
  const [, address = '', prefix] = /^([0-9A-Fa-f.:]+)(?:\/([1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  if (isIP(address) === 0) return false;
  // A network of no bits would trust every peer, and with it any address that a client claims.
  return prefix === undefined || Number(prefix) <= (isIPv4(address) ? IPV4_PREFIX_BITS_MAX : IPV6_PREFIX_BITS_MAX);
}

function checkProjectIds(document: ConfigDocument): void {
  const indexes = new Map<string, number>();
  for (const [index, { id }] of document.projects.entries()) {
    const other = indexes.get(id);
    if (other !== undefined) {
      const expected = `an id of its own: /projects/${other}/id is the same`;
      throw new ConfigError({ pointer: `/projects/${index}/id`, found: JSON.stringify(id), expected });
    }
    indexes.set(id, index);
  }
}

function checkKeys(document: ConfigDocument): void {
  let first: { readonly pointer: string; readonly salt: string } | undefined;
  for (const { pointer, entry: { api_key: key, api_key_hash: hash }, listed } of keysIn(document)) {
    if (listed !== undefined) checkListed(pointer, listed);
    if (key !== null && looksGenerated(key) && !isGeneratedKey(key)) {
      const expected = 'a complete API key: its checksum does not match, so a character was lost or changed in copying';
      throw new ConfigError({ pointer: `${pointer}/api_key`, expected });
    }
    const parsed = hash === null ? null : parseKeyHash(hash);
    const hashPointer = `${pointer}/api_key_hash`;
    if (parsed === undefined) {
      const expected = 'null, "sha256:" and 64 hexadecimal digits, or a scrypt hash that this server has written';
      throw new ConfigError({ pointer: hashPointer, expected });
    }
    if (parsed?.scheme !== 'scrypt') continue;
    first ??= { pointer: hashPointer, salt: parsed.salt };
    if (parsed.salt !== first.salt) {
      const expected = `a hash with the salt of ${first.pointer}: all typed keys of a file share one salt; type the key again`;
      throw new ConfigError({ pointer: hashPointer, expected });
    }
  }
}

/** Nothing could show a key that the server makes for an entry: a list may have many. */
function checkListed(pointer: string, listed: ApiKeyEntry): void {
  const { api_key: key = null, api_key_hash: hash = null, not_before = null, expires_at = null } = listed;
  if (key === null && hash === null) {
    const expected = 'with a key in api_key or a hash in api_key_hash; POST …/api-keys makes a key';
    throw new ConfigError({ pointer, expected });
  }
  for (const [name, text] of Object.entries({ not_before, expires_at })) {
    if (text === null || parseRfc3339(text) !== undefined) continue;
    throw new ConfigError({ pointer: `${pointer}/${name}`, found: JSON.stringify(text), expected: 'a day and an hour that exist' });
  }
}
