/**
 * The manifest of a backup, the last file in it: what the backup holds, with the digest of every other file. Pure.
 *
 * One member per line; the last is the digest of everything before it. A text is a manifest if and only if encoding what it says gives
 * the same text. `docs/operations.md` describes it.
 */
import { ISO_TIME_SCHEMA } from '../../base/iso-time.js';
import { compileSchema } from '../../base/json-schema.js';
import { SEALED_SCHEMAS, sealDocument } from '../../base/sealed-document.js';

/** The manifest's name in the backup. No project id begins with `_`. */
export const BACKUP_MANIFEST_NAME = '_backup.json';
/** Largest manifest, in bytes. */
export const BACKUP_MANIFEST_BYTES_MAX = 67_108_864;

const BACKUP_FORMAT = 'simplekv-backup/1';

/** A log in a backup, up to its last line. */
export interface BackedUpLog {
  readonly log_id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly last_hash: string;
}

/** A project in a backup. */
export interface BackedUpProject extends BackedUpLog {
  readonly id: string;
}

/** A file in a backup. */
export interface BackedUpFile {
  readonly name: string;
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What a backup holds. */
export interface BackupManifest {
  /** The moment at which it was fixed, RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  /** Whether it holds all projects, and the registry of the server; otherwise its registry names only the project in it. */
  readonly is_whole: boolean;
  readonly registry: BackedUpLog;
  /** Sorted by id. */
  readonly projects: readonly BackedUpProject[];
  /** The projects that are not in it, and why. */
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  /** All other files, in their order. */
  readonly files: readonly BackedUpFile[];
}

const SEQ = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const { digest: DIGEST, logId: LOG_ID } = SEALED_SCHEMAS;
const LOG = { log_id: LOG_ID, first_seq: SEQ, last_seq: SEQ, last_hash: DIGEST };
const MEMBERS = {
  format: { const: BACKUP_FORMAT },
  time: ISO_TIME_SCHEMA,
  is_whole: { type: 'boolean' },
  registry: strict(LOG),
  projects: { type: 'array', items: strict({ id: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' }, ...LOG }) },
  skipped: { type: 'array', items: strict({ id: { type: 'string' }, reason: { type: 'string' } }) },
  files: {
    type: 'array',
    items: strict({ name: { type: 'string', pattern: '^[0-9a-z_][0-9a-z_.-]*(/[0-9a-z][0-9a-z.-]*)?$' }, bytes: SEQ, sha256: DIGEST }),
  },
  sha256: DIGEST,
};

const checkDocument = compileSchema<BackupManifest>(strict(MEMBERS));

function strict(properties: Record<string, object>): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** Encodes a manifest. */
export function encodeBackupManifest({ time, is_whole, registry, projects, skipped, files }: BackupManifest): Buffer {
  const members = Object.entries({ format: BACKUP_FORMAT, time, is_whole, registry, projects, skipped, files });
  return Buffer.from(sealDocument(members).text);
}

/**
 * Decodes a manifest.
 *
 * @returns the manifest, or what is wrong with it
 */
export function decodeBackupManifest(bytes: Buffer): { readonly manifest: BackupManifest } | { readonly fault: string } {
  const text = bytes.toString();
  const format = /^\{\n"format":"(simplekv-backup\/[1-9]\d*)",\n/.exec(text)?.[1];
  if (format === undefined) return { fault: 'something else' };
  if (format !== BACKUP_FORMAT) return { fault: `the format "${format}" of a newer version of the program` };
  const checked = checkDocument(parsed(text));
  if (!checked.ok) return { fault: `at "${checked.fault.pointer}" not ${checked.fault.expected}` };
  const { document: manifest } = checked;
  // Includes the digest of the text.
  return encodeBackupManifest(manifest).equals(bytes) ? { manifest } : { fault: 'another spelling or another digest' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
