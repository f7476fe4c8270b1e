/**
 * JSON documents that end with the digest of everything before it, one member a line: manifests of snapshots and of backups.
 */
import { createHash } from 'node:crypto';
import { invariant } from './invariant.js';

/** The schemas of members that such documents have in common. */
export const SEALED_SCHEMAS = {
  digest: { type: 'string', pattern: '^[0-9a-f]{64}$', description: '64 hexadecimal digits' },
  logId: { type: 'string', pattern: '^[0-9a-f]{32}$', description: '32 hexadecimal digits' },
} as const;

/** A document and the digest in it. */
export interface SealedText {
  readonly text: string;
  /** 64 hexadecimal digits. */
  readonly digest: string;
}

/** Writes a document, and its digest as the member `sha256`. */
export function sealDocument(members: readonly (readonly [name: string, value: unknown])[]): SealedText {
  const covered = `{\n${members.map(([name, value]) => memberLine(name, value)).join('')}`;
  const digest = createHash('sha256').update(covered).digest('hex');
  return { text: `${covered}"sha256":"${digest}"\n}\n`, digest };
}

function memberLine(name: string, value: unknown): string {
  const text = JSON.stringify(value);
  invariant(text !== undefined, `the manifest's member ${name} can be written as JSON`);
  return `"${name}":${text},\n`;
}
