/**
 * Reads the lines that `import` takes: whole entries as `export` writes them, or just keys and values. Values stay as they are, token for
 * token. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { membersOfJson } from '../base/json-ranges.js';

/** Members that an entry may have, and whether they matter. */
const MEMBERS: readonly string[] = ['key', 'value', 'expires_at', 'seq', 'modified_at', 'etag'];

/** Some editors put it at the start of a file. */
const BYTE_ORDER_MARK = /^\uFEFF/;

/** A key to set. */
export interface ImportedEntry {
  readonly key: string;
  /** JSON text on one line. */
  readonly value: string;
  /** When it expires, in milliseconds since 1970; undefined for never. */
  readonly expiresAtMs: number | undefined;
}

/** A line is no entry. */
export class ImportLineError extends Error {
  override readonly name = 'ImportLineError';
}

/**
 * Reads one line.
 *
 * @throws {ImportLineError} if it is no entry
 */
export function readEntryLine(bytes: Buffer): ImportedEntry {
  if (!isUtf8(bytes)) throw new ImportLineError('it is not UTF-8');
  const text = bytes.toString().replace(BYTE_ORDER_MARK, '');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ImportLineError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new ImportLineError('it is not an object');
  const members = membersOfJson(text, text.indexOf('{'));
  const names = members.map(({ name }) => name);
  const odd = names.find((name, index) => !MEMBERS.includes(name) || names.indexOf(name) !== index);
  if (odd !== undefined) throw new ImportLineError(`its member ${JSON.stringify(odd)} is unknown or repeated`);
  const { key, expires_at: expiry = null } = parsed as { readonly key?: unknown; readonly expires_at?: unknown };
  if (typeof key !== 'string') throw new ImportLineError('it has no member "key" with a text');
  const value = members.find(({ name }) => name === 'value');
  if (value === undefined) throw new ImportLineError('it has no member "value"');
  const expiresAtMs = typeof expiry === 'string' ? Date.parse(expiry) : undefined;
  if (expiry !== null && !Number.isFinite(expiresAtMs)) throw new ImportLineError('its member "expires_at" is neither null nor a time');
  return { key, value: text.slice(value.start, value.end), expiresAtMs };
}

/** Writes an operation of a batch that sets an entry. */
export function operationOf({ key, value, expiresAtMs }: ImportedEntry, isNew: boolean): string {
  const expiry = expiresAtMs === undefined ? '' : `,"expires_at":"${new Date(expiresAtMs).toISOString()}"`;
  return `{"op":"set","key":${JSON.stringify(key)}${isNew ? ',"if_seq":0' : ''}${expiry},"value":${value}}`;
}
