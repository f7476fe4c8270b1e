/**
 * Encodes the fields of a `batch`, and decodes them. Values are cut out of the text as they stand. The encoding is canonical, so the
 * position of each value follows from what is before it.
 */
import { endOfJsonValue } from '../base/json-ranges.js';
import type { KeyChanged, KeysChanged } from './event.js';

const START = '"ops":[';
const END = ']';
const SET_START = '{"op":"set","key":';
const VALUE_MARK = ',"value":';
const DELETE_START = '{"op":"delete","key":';
const OP_END = '}';

/** Encodes the fields. */
export function encodeBatchBody({ ops }: KeysChanged): string {
  return `${START}${ops.map(encodeOp).join(',')}${END}`;
}

function encodeOp(op: KeyChanged): string {
  const key = JSON.stringify(op.key);
  return op.op === 'set' ? `${SET_START}${key}${VALUE_MARK}${op.value}${OP_END}` : `${DELETE_START}${key}${OP_END}`;
}

/**
 * Decodes the fields.
 *
 * @returns undefined for a text that is not what {@link encodeBatchBody} makes
 */
export function decodeBatchBody(body: string): KeysChanged | undefined {
  const ops: KeyChanged[] = [];
  const keys = new Set<string>();
  let at = START.length;
  while (at < body.length) {
    const isSet = body.startsWith(SET_START, at);
    const keyStart = at + (isSet ? SET_START : DELETE_START).length;
    const keyEnd = endOfJsonValue(body, keyStart);
    const key = parseKey(body.slice(keyStart, keyEnd));
    if (key === undefined || keys.has(key)) return undefined;
    keys.add(key);
    const valueStart = keyEnd + VALUE_MARK.length;
    const end = isSet ? endOfJsonValue(body, valueStart) : keyEnd;
    ops.push(isSet ? { op: 'set', key, value: body.slice(valueStart, end) } : { op: 'delete', key });
    at = end + OP_END.length + 1;
  }
  const decoded: KeysChanged = { op: 'batch', ops };
  const isWhole = ops.length > 0 && ops.every((op) => op.op === 'delete' || op.value !== '');
  return isWhole && encodeBatchBody(decoded) === body ? decoded : undefined;
}

function parseKey(text: string): string | undefined {
  try {
    const key: unknown = JSON.parse(text);
    return typeof key === 'string' && key !== '' ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns where the value of each change lies in the encoded fields.
 *
 * @returns for each change of the batch the offset of its value, in bytes; undefined for a deletion
 */
export function valueOffsetsIn({ ops }: KeysChanged): readonly (number | undefined)[] {
  let offset = START.length;
  return ops.map((op) => {
    const at = offset + Buffer.byteLength(SET_START + JSON.stringify(op.key) + VALUE_MARK);
    offset += Buffer.byteLength(encodeOp(op)) + 1;
    return op.op === 'set' ? at : undefined;
  });
}
