/**
 * Events of a server in the form in which the commands show lines of files.
 */
import type { ChangeEvent } from '../../client/change-events.js';
import { membersOfJson } from '../../base/json-ranges.js';
import type { ShownLine } from '../event-text.js';

type KeyChanges = ReturnType<ShownLine['changes']>;

/** Which changes of a line are shown. */
export interface ShownKeys {
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}

/** Members of a line that are not fields of its operation. */
const FRAME: readonly string[] = ['seq', 'time', 'op', 'actor', 'request', 'durable', 'salt', 'hash', 'erased'];

/** Makes of an event what is shown of it: of a batch, only the changes that were asked for. */
export function shownEvent(event: ChangeEvent, keys: ShownKeys): ShownLine {
  const { seq, time, op, actor, erased, line } = event;
  return { seq, timeMs: time.getTime(), op, actor, isErased: erased, fields: fieldsOf(line), changes: () => changesOf(event, keys) };
}

function fieldsOf(line: string): string {
  const members = membersOfJson(line, 0).filter(({ name }) => !FRAME.includes(name));
  return members.map(({ name, start, end }) => `${JSON.stringify(name)}:${line.slice(start, end)}`).join(',');
}

function changesOf(event: ChangeEvent, { key, prefix = '' }: ShownKeys): KeyChanges {
  const changes = event.key === undefined ? event.changes ?? (event.keys ?? []).map((name) => ({ op: 'expire', key: name })) : [event];
  const wanted = changes.filter((change) => (key === undefined || change.key === key) && (change.key ?? '').startsWith(prefix));
  return wanted.map((change) => ({
    op: change.op, key: change.key,
    ...('text' in change && change.text !== undefined && { value: change.text }),
    ...('expiresAt' in change && change.expiresAt !== undefined && { expires_at: change.expiresAt?.toISOString() ?? null }),
  }) as KeyChanges[number]);
}
