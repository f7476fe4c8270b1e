/**
 * What a redaction leaves of an event: everything but its values. The counterpart of `log/erased-lines.ts`, which knows the bytes.
 */
import { type BatchedChange, type LinesRedacted, type ProjectEvent, type RedactedLine, setsValue } from './event.js';

/** Stands for a value that was erased. It is never that of a key that exists now. */
const ERASED_VALUE = 'null';

const DIGEST = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;

/** Schemas of the fields of `redact`. */
export const REDACTION_SCHEMAS = {
  reason: { type: 'string', minLength: 1 },
  lines: {
    type: 'array', minItems: 1,
    items: {
      type: 'object', additionalProperties: false, required: ['seq', 'digest', 'bytes', 'left'],
      properties: {
        seq: { type: 'integer', minimum: 1 },
        digest: { anyOf: [DIGEST, { type: 'null' }] },
        bytes: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }] },
        left: { type: 'object' },
      },
    },
  },
  base: { type: 'object', additionalProperties: false, required: ['old', 'new'], properties: { old: DIGEST, new: DIGEST } },
} as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Returns what an erased line still says.
 *
 * @returns undefined for an event without values
 */
export function fieldsLeft(event: ProjectEvent): Fields | undefined {
  if (event.op !== 'batch') return event.op === 'set' || event.op === 'set.until' ? fieldsOf(event) : undefined;
  return event.ops.some(setsValue) ? { ops: event.ops.map((change) => ({ op: change.op, ...fieldsOf(change) })) } : undefined;
}

/** In the order of a line. */
function fieldsOf(change: BatchedChange): Fields {
  const { key } = change;
  return 'expires_at' in change ? { expires_at: change.expires_at, key } : { key };
}

/** The text of the fields of an event with the values that were erased, from what is left of them. */
export function restoredFields(op: string, left: string): string {
  if (op !== 'batch') return `${left},"value":${ERASED_VALUE}`;
  const { ops } = JSON.parse(`{${left}}`) as { readonly ops: readonly { readonly op: string }[] };
  const restored = ops.map((change) => {
    const text = JSON.stringify(change);
    return change.op.startsWith('set') ? `${text.slice(0, -1)},"value":${ERASED_VALUE}}` : text;
  });
  return `"ops":[${restored.join(',')}]`;
}

/** The keys that an erased line gave a value, from what is left of its fields. */
function keysLeft({ left }: RedactedLine): readonly string[] {
  const changes = Array.isArray(left['ops']) ? (left['ops'] as readonly Fields[]).filter(({ op }) => String(op).startsWith('set')) : [left];
  return changes.map(({ key }) => key).filter((key) => typeof key === 'string');
}

/** A value of a key that was erased: the version that it was of. */
export interface ErasedVersion {
  readonly key: string;
  readonly seq: number;
}

/** Lists the versions of keys whose values a redaction erases. */
export function erasedVersions({ lines }: Pick<LinesRedacted, 'lines'>): readonly ErasedVersion[] {
  return lines.flatMap((line) => keysLeft(line).map((key) => ({ key, seq: line.seq })));
}
