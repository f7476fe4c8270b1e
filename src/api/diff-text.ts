/**
 * The text of a difference between two states, as `diff` has it over HTTP and on the command line. Pure.
 */
import { isoTime } from '../base/iso-time.js';
import { expiryText } from './entry-text.js';

/** A version of a key. */
interface VersionParts {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** When it expires, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
}

/** The last change of the key; null for what is not known. */
interface ChangeParts {
  readonly seq: number | null;
  readonly timeMs: number | null;
  readonly op: string | null;
  readonly actor: string | null;
  readonly request: string | null;
}

/** A key that two states differ in. */
interface DifferenceParts {
  readonly key: string;
  readonly last: ChangeParts;
  readonly before: VersionParts | undefined;
  readonly after: VersionParts | undefined;
  /** JSON texts on one line; absent: versions without values. */
  readonly values?: { readonly before: string | undefined; readonly after: string | undefined };
}

/** Writes a difference as a JSON object on one line, with values token for token. */
export function differenceText({ key, last, before, after, values }: DifferenceParts): string {
  const { seq, timeMs, ...who } = last;
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const time = timeMs === null ? null : isoTime(timeMs);
  const start = JSON.stringify({ key, change, seq, time, op: who.op, actor: who.actor, request: who.request });
  const versions = `"before":${versionText(before, values?.before)},"after":${versionText(after, values?.after)}`;
  return `${start.slice(0, -1)},${versions}}`;
}

function versionText(version: VersionParts | undefined, value: string | undefined): string {
  if (version === undefined) return 'null';
  const { seq, timeMs, expiresAtMs } = version;
  const start = `{"seq":${seq},"modified_at":"${isoTime(timeMs)}","expires_at":${expiryText(expiresAtMs)}`;
  return value === undefined ? `${start}}` : `${start},"value":${value}}`;
}
