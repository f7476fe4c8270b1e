/**
 * Selects lines of a log by what they are about.
 */
import { EVENT_FIELDS } from '../../events/codec.js';
import { isServerOperation, type KeyChanged, keyChangesOf } from '../../events/event.js';
import type { LogLine } from '../../log/log.js';
import { projectEventOf } from '../project-files.js';
import { REGISTRY } from '../registry.js';

/** Which lines match. An absent member matches every line. */
export interface LineFilter {
  /** Lines that change this key. A `clear` deletes every key, so it changes this one too. */
  readonly key?: string | undefined;
  /** Lines that change a key with this prefix, and every `clear`. */
  readonly prefix?: string | undefined;
  /** Lines with this operation, or a batch that has it. */
  readonly op?: string | undefined;
  /** Lines whose actor contains this text. */
  readonly actor?: string | undefined;
  /** Lines of this request. */
  readonly request?: string | undefined;
}

/** Operations that change single keys. */
const KEY_OPERATIONS: ReadonlySet<string> = new Set(['set', 'delete', 'batch']);

/**
 * Lists the operations that the lines of a log can have.
 *
 * @param project the project's id, or `_server`
 */
export function operationsOf(project: string): readonly string[] {
  return Object.keys(EVENT_FIELDS).filter((op) => isServerOperation(op) === (project === REGISTRY));
}

/** Tells whether a line matches. */
export function isSelected(line: LogLine, filter: LineFilter): boolean {
  const { op, actor, request } = line;
  if (filter.actor !== undefined && !actor.includes(filter.actor)) return false;
  if (filter.request !== undefined && filter.request !== request) return false;
  const isAboutKeys = filter.key !== undefined || filter.prefix !== undefined;
  if (!isAboutKeys && [undefined, op].includes(filter.op)) return true;
  if (op === 'clear') return isAboutKeys && [undefined, op].includes(filter.op);
  return selectedChanges(line, filter).length > 0;
}

/**
 * Returns the changes of single keys in a line that match, in their order.
 *
 * @returns none for a line that changes no single keys
 */
export function selectedChanges(line: LogLine, { key, prefix = '', op }: LineFilter): readonly KeyChanged[] {
  if (!KEY_OPERATIONS.has(line.op)) return [];
  const changes = keyChangesOf(projectEventOf(line));
  return changes.filter((change) => (
    [undefined, line.op, change.op].includes(op) && [undefined, change.key].includes(key) && change.key.startsWith(prefix)
  ));
}
