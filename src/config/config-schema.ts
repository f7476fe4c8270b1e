/**
 * The shape of config.json as a JSON schema: which members there are, and what each may be. What several members must be to
 * each other is in `check-config.ts`.
 */
import { LOG_LEVELS } from '../base/logger.js';
import { KEY_BYTES_LIMIT } from '../events/key-name.js';
import { PROJECT_ID_PATTERN } from '../events/project-id.js';
import { AUTHENTICATION_PROPERTIES, STORAGE_PROPERTIES } from '../events/project-settings.js';

/** The version of the file that this program reads and writes. */
export const CONFIG_VERSION = 1;

/** Shortest key that a person may choose, in characters. */
export const TYPED_KEY_CHARACTERS_MIN = 8;
/** Longest key that a person may choose, in characters; what is longer is never looked at in a request. */
export const TYPED_KEY_CHARACTERS_MAX = 512;

const PORT_MAX = 65_535;
const PATH_CHARACTERS_MAX = 4096;
const NAMES_MAX = 1000;

/** `minimum` and `maximum` of every limit, in the unit that its name ends with. */
const LIMIT_RANGES = {
  max_value_bytes: [1, 8_388_608, 'bytes'],
  max_key_bytes: [1, KEY_BYTES_LIMIT, 'bytes'],
  max_header_bytes: [1024, 1_048_576, 'bytes'],
  max_headers: [10, 2000, 'headers'],
  max_connections: [1, 1_000_000, 'connections'],
  max_queue_commands: [1, 1_000_000, 'commands'],
  max_queue_bytes: [1024, 4_294_967_296, 'bytes'],
  max_answer_bytes: [16_777_216, 68_719_476_736, 'bytes'],
  max_failed_keys_per_minute: [1, 1_000_000, 'failures'],
} as const;

/** `minimum` and `maximum` of every timeout. */
const TIMEOUT_RANGES = {
  headers_seconds: [1, 3600, 'seconds'],
  request_seconds: [1, 86_400, 'seconds'],
  keep_alive_seconds: [1, 3600, 'seconds'],
  idle_seconds: [1, 86_400, 'seconds'],
  shutdown_seconds: [1, 3600, 'seconds'],
} as const;

type Range = readonly [minimum: number, maximum: number, unit: string];

/** A whole number in a range, worded for a person. */
interface IntegerSchema {
  readonly type: 'integer';
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
}

function integers<Name extends string>(ranges: Readonly<Record<Name, Range>>): Record<Name, IntegerSchema> {
  const toSchema = ([minimum, maximum, unit]: Range): IntegerSchema => ({
    type: 'integer',
    minimum,
    maximum,
    description: `a whole number of ${unit} from ${minimum} to ${maximum}`,
  });
  const entries = Object.entries<Range>(ranges).map(([name, range]) => [name, toSchema(range)] as const);
  return Object.fromEntries(entries) as Record<Name, IntegerSchema>;
}

const PATH_SCHEMA = {
  type: 'string',
  minLength: 1,
  maxLength: PATH_CHARACTERS_MAX,
  pattern: '^[^\\u0000]*$',
  description: 'the path of a file or folder',
} as const;

const AUTHENTICATION_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  description: 'an object with enabled, save_api_key_to_file, api_key and api_key_hash',
  properties: {
    ...AUTHENTICATION_PROPERTIES,
    api_key: {
      type: ['string', 'null'],
      minLength: TYPED_KEY_CHARACTERS_MIN,
      maxLength: TYPED_KEY_CHARACTERS_MAX,
      // A key travels in a header, where nothing else arrives unchanged.
      pattern: '^[!-~]*$',
      description: `null, or ${TYPED_KEY_CHARACTERS_MIN} to ${TYPED_KEY_CHARACTERS_MAX} visible ASCII characters without blanks`,
    },
    api_key_hash: { type: ['string', 'null'], description: 'null, or a hash that this server has written' },
  },
} as const;

const PROJECT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  description: 'an object with id, storage and authentication',
  properties: {
    id: { type: 'string', pattern: PROJECT_ID_PATTERN, description: '1 to 63 of a-z, 0-9, "_" and "-", the first a letter or digit' },
    revision: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'the number that this server has written' },
    storage: { type: 'object', additionalProperties: false, properties: STORAGE_PROPERTIES, description: 'an object' },
    authentication: AUTHENTICATION_SCHEMA,
  },
} as const;

const DEFAULT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  description: 'an object with storage and authentication',
  properties: {
    storage: {
      type: 'object',
      additionalProperties: false,
      description: 'an object',
      properties: { persistent_file_path: PATH_SCHEMA, ...STORAGE_PROPERTIES },
    },
    authentication: AUTHENTICATION_SCHEMA,
  },
} as const;

/** JSON schema (draft 7) of the whole file. */
export const CONFIG_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['version', 'projects'],
  description: 'an object with version, server_port, default and projects',
  properties: {
    version: { const: CONFIG_VERSION },
    server_port: { type: 'integer', minimum: 0, maximum: PORT_MAX, description: `a port from 0 to ${PORT_MAX}; 0 takes a free one` },
    server_host: { type: 'string', pattern: '^[0-9A-Za-z.:_%-]{1,253}$', description: 'the name or the IP address to listen on' },
    tls: {
      type: ['object', 'null'],
      additionalProperties: false,
      required: ['key_file', 'cert_file'],
      properties: { key_file: PATH_SCHEMA, cert_file: PATH_SCHEMA },
      description: 'null, or an object with key_file and cert_file',
    },
    limits: { type: 'object', additionalProperties: false, properties: integers(LIMIT_RANGES), description: 'an object' },
    timeouts: { type: 'object', additionalProperties: false, properties: integers(TIMEOUT_RANGES), description: 'an object' },
    log_level: { enum: LOG_LEVELS },
    allowed_hosts: {
      type: 'array',
      maxItems: NAMES_MAX,
      items: { type: 'string', pattern: '^[0-9A-Za-z._-]{1,253}(:[0-9]{1,5})?$', description: 'the name of a host' },
      description: `a list of up to ${NAMES_MAX} names of hosts`,
    },
    trusted_proxies: {
      type: 'array',
      maxItems: NAMES_MAX,
      items: { type: 'string', description: 'an IP address, a network such as 10.0.0.0/8, or loopback, linklocal or uniquelocal' },
      description: `a list of up to ${NAMES_MAX} addresses and networks`,
    },
    print_api_keys: { type: 'boolean' },
    default: DEFAULT_SCHEMA,
    projects: { type: 'array', items: PROJECT_SCHEMA, description: 'a list of projects' },
  },
} as const;
