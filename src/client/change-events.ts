/**
 * Events of a project: what the lines of its log say, as a program reads them.
 */
import { timeOrNull } from './entries.js';
import { itemTexts, memberTexts, type ValueFormat } from './json-texts.js';

/** A change of a key. `set.until` is a set of a value that expires, `touch` changes when it does. */
export type KeyOp = 'set' | 'set.until' | 'delete' | 'touch';

/** What a line of the log says that happened. */
export type EventOp = KeyOp | 'batch' | 'expire' | 'clear' | 'clear.range' | 'redact' | `project.${string}` | `access.${string}`;

/** A change of one key, alone or in a batch. What the operation does not have is undefined. */
export interface EventChange<T = unknown> {
  readonly op: KeyOp;
  readonly key: string;
  /** Of a set: the value. */
  readonly value: T | undefined;
  /** The value, token for token. */
  readonly text: string | undefined;
  /** Of `set.until` and `touch`: when the value expires; null: never. */
  readonly expiresAt: Date | null | undefined;
}

/** A line of the log. What the operation does not have is undefined. */
export interface ChangeEvent<T = unknown> extends Omit<EventChange<T>, 'op' | 'key'> {
  readonly seq: number;
  /** Names this line of this log: what `since` takes, and notices if the log was replaced. */
  readonly position: string;
  /** For people, not for order: the clock of a server may be set back. */
  readonly time: Date;
  readonly op: EventOp;
  /** Who made the change. */
  readonly actor: string;
  /** The `X-Request-Id` of the change. */
  readonly request: string;
  readonly hash: string;
  /** Of a change of one key. */
  readonly key: string | undefined;
  /** Of a batch: its changes. */
  readonly changes: readonly EventChange<T>[] | undefined;
  /** Of an `expire`: the keys that had expired. */
  readonly keys: readonly string[] | undefined;
  /** True if the values of the line were erased. */
  readonly erased: boolean;
  /** The whole line, as it is in the log: a JSON object. */
  readonly line: string;
}

/** The members of a line that are not handed out as text. */
interface LineJson {
  readonly seq: number;
  readonly time: string;
  readonly op: EventOp;
  readonly actor: string;
  readonly request: string;
  readonly hash: string;
  readonly key?: string;
  readonly expires_at?: string | null;
  readonly keys?: readonly string[];
  readonly erased?: true;
}

/** Digits of the hash in a position. */
const POSITION_DIGITS = 8;

/**
 * Makes an event of its line.
 *
 * @throws {SyntaxError} When the line is not JSON
 */
export function eventOfLine<T>(line: string, format: ValueFormat): ChangeEvent<T> {
  const members = JSON.parse(line) as LineJson;
  const { seq, time, op, actor, request, hash, keys, erased = false } = members;
  const texts = memberTexts(line);
  const ops = texts.get('ops');
  return {
    // In lines about API keys, fields of the same name mean something else.
    ...changeOf<T>(members.key === undefined ? {} : members, texts.get('value'), format),
    op, key: members.key, seq, position: `${seq}-${hash.slice(0, POSITION_DIGITS)}`, time: new Date(time), actor, request, hash,
    changes: ops === undefined ? undefined : itemTexts(ops).map((item) => changeOfOp<T>(item, format)),
    keys, erased, line,
  };
}

/** Whether a line has one of these operations, alone or in a batch: as the parameter `op` of the server selects. */
export function hasOp({ op, changes = [] }: ChangeEvent, wanted: readonly EventOp[]): boolean {
  return wanted.includes(op) || changes.some((change) => wanted.includes(change.op));
}

function changeOfOp<T>(item: string, format: ValueFormat): EventChange<T> {
  const members = JSON.parse(item) as EventChange & Pick<LineJson, 'expires_at'>;
  return { op: members.op, key: members.key, ...changeOf<T>(members, memberTexts(item).get('value'), format) };
}

/** What a line about one key and an operation of a batch have in common. */
function changeOf<T>(
  { expires_at: expiresAt }: Pick<LineJson, 'expires_at'>, text: string | undefined, format: ValueFormat,
): Omit<EventChange<T>, 'op' | 'key'> {
  return {
    text,
    value: text === undefined ? undefined : format.parse(text) as T,
    expiresAt: expiresAt === undefined ? undefined : timeOrNull(expiresAt),
  };
}
