/**
 * The text of a manifest, as specified in `docs/snapshot-format.md`. Pure.
 *
 * One member per line; the last is the digest of everything before it. A text is a manifest if and only if decoding and encoding it again
 * gives the same text, so that no two readers can understand it differently.
 */
import { createHash } from 'node:crypto';
import { ISO_TIME_SCHEMA } from '../../base/iso-time.js';
import { compileSchema } from '../../base/json-schema.js';
import { SEALED_SCHEMAS, sealDocument, type SealedText } from '../../base/sealed-document.js';
import type { SnapshotFormat, SnapshotManifest } from './snapshot.js';
import { SnapshotCorruptError, SnapshotVersionError } from './snapshot-errors.js';

/** The names of the formats. */
const FORMAT_NAMES: Readonly<Record<SnapshotFormat, string>> = { 1: 'simplekv-snapshot/1', 2: 'simplekv-snapshot/2' };

/** Maximum size of a manifest in bytes. */
export const MANIFEST_BYTES_MAX = 67_108_864;

const FORMAT_LINE = /^\{\n"format":"(simplekv-snapshot\/[1-9]\d*)",\n/;
const DIGEST_LINE = /"sha256":"([0-9a-f]{64})"\n\}\n$/;
/** The format is within the first bytes. */
const FORMAT_BYTES_MAX = 64;

interface ManifestDocument {
  readonly format: string;
  readonly project: string;
  readonly log_id: string;
  readonly seq: number;
  readonly hash: string;
  readonly time: string;
  readonly base: boolean;
  readonly key_count: number;
  readonly key_sum: number;
  readonly json: { readonly bytes: number; readonly sha256: string };
  readonly index: { readonly bytes: number; readonly sha256: string };
  /** Absent in format 1. */
  readonly requests?: { readonly bytes: number; readonly sha256: string; readonly count: number } | null;
  readonly segments: readonly (readonly [number, number])[];
  readonly state: unknown;
  readonly sha256: string;
}

const SEQ = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const COUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const { digest: DIGEST, logId: LOG_ID } = SEALED_SCHEMAS;
const FILE = {
  type: 'object', properties: { bytes: COUNT, sha256: DIGEST }, required: ['bytes', 'sha256'], additionalProperties: false,
};
const REQUESTS = {
  type: ['object', 'null'], properties: { bytes: SEQ, sha256: DIGEST, count: SEQ }, required: ['bytes', 'sha256', 'count'],
  additionalProperties: false,
};
const MEMBERS = {
  format: { enum: Object.values(FORMAT_NAMES) },
  project: { type: 'string', pattern: '^[0-9a-z_-]+$' },
  log_id: LOG_ID,
  seq: SEQ,
  hash: DIGEST,
  time: ISO_TIME_SCHEMA,
  base: { type: 'boolean' },
  key_count: COUNT,
  key_sum: COUNT,
  json: FILE,
  index: FILE,
  requests: REQUESTS,
  segments: { type: 'array', items: { type: 'array', items: [SEQ, COUNT], minItems: 2, maxItems: 2 } },
  state: {},
  sha256: DIGEST,
};

const checkDocument = compileSchema<ManifestDocument>({
  type: 'object', properties: MEMBERS, required: Object.keys(MEMBERS).filter((name) => name !== 'requests'), additionalProperties: false,
});

/** Encodes a manifest. */
export function encodeManifest(manifest: SnapshotManifest): SealedText {
  const { json, index, requests } = manifest;
  const shownRequests = requests && { bytes: requests.sizeBytes, sha256: requests.sha256, count: requests.count };
  const members: readonly (readonly [string, unknown])[] = [
    ['format', FORMAT_NAMES[manifest.format]],
    ['project', manifest.project],
    ['log_id', manifest.logId],
    ['seq', manifest.seq],
    ['hash', manifest.hash],
    ['time', new Date(manifest.timeMs).toISOString()],
    ['base', manifest.isBase],
    ['key_count', manifest.keyCount],
    ['key_sum', manifest.keySum],
    ['json', { bytes: json.sizeBytes, sha256: json.sha256 }],
    ['index', { bytes: index.sizeBytes, sha256: index.sha256 }],
    ...(manifest.format === 1 ? [] : [['requests', shownRequests] as const]),
    ['segments', manifest.segments],
    ['state', manifest.state],
  ];
  return sealDocument(members);
}

/**
 * Decodes a manifest.
 *
 * @param bytes the whole file
 * @param file its name, for errors
 * @throws {SnapshotVersionError} when its format is unknown to this version
 * @throws {SnapshotCorruptError} when it is no manifest
 */
export function decodeManifest(bytes: Buffer, file: string): SnapshotManifest & Pick<SealedText, 'digest'> {
  const format = FORMAT_LINE.exec(bytes.toString('latin1', 0, FORMAT_BYTES_MAX))?.[1];
  const corrupt = (expected: string, found: string): SnapshotCorruptError => new SnapshotCorruptError({ file, offset: 0 }, expected, found);
  if (format === undefined) throw corrupt('a manifest', 'something else');
  // Checked before the digest: a newer version may compute that differently, and a newer format is no damage.
  if (!Object.values(FORMAT_NAMES).includes(format)) throw new SnapshotVersionError(file, `its format "${format}"`);
  const text = bytes.toString('utf8');
  const digestLine = DIGEST_LINE.exec(text);
  if (digestLine === null) throw corrupt('a manifest that ends with its digest', 'another end');
  const digest = createHash('sha256').update(text.slice(0, digestLine.index)).digest('hex');
  if (digest !== digestLine[1]) throw corrupt(`SHA-256 ${digest}`, `SHA-256 ${digestLine[1] ?? ''}`);
  const checked = checkDocument(parseJson(text, corrupt));
  if (!checked.ok) throw corrupt(`${checked.fault.pointer} ${checked.fault.expected}`, checked.fault.found ?? 'nothing of the kind');
  const manifest = toManifest(checked.document);
  // Compares bytes: invalid UTF-8 decodes to replacement characters, which encode to other bytes.
  if (Number.isNaN(manifest.timeMs) || !Buffer.from(encodeManifest(manifest).text).equals(bytes)) {
    throw corrupt('the members in their order and spelling', 'another spelling');
  }
  return { ...manifest, digest };
}

function parseJson(text: string, corrupt: (expected: string, found: string) => Error): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw corrupt('JSON', 'none');
  }
}

function toManifest(document: ManifestDocument): SnapshotManifest {
  const { json, index, requests } = document;
  return {
    format: document.format === FORMAT_NAMES[1] ? 1 : 2,
    project: document.project,
    logId: document.log_id,
    seq: document.seq,
    hash: document.hash,
    timeMs: Date.parse(document.time),
    isBase: document.base,
    keyCount: document.key_count,
    keySum: document.key_sum,
    json: { sizeBytes: json.bytes, sha256: json.sha256 },
    index: { sizeBytes: index.bytes, sha256: index.sha256 },
    requests: requests ? { sizeBytes: requests.bytes, sha256: requests.sha256, count: requests.count } : null,
    segments: document.segments,
    state: document.state,
  };
}
