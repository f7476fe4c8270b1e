/**
 * Selects lines of a log by what they are about.
 */
import { PROJECT_OPERATIONS, SERVER_OPERATIONS } from '../../events/codec.js';
import type { KeyChanged } from '../../events/event.js';
import { type EventSelection, isSelected, selectedChanges } from '../../events/event-selection.js';
import type { LogLine } from '../../log/log.js';
import { projectEventOf } from '../project-files.js';
import { REGISTRY } from '../registry.js';

/** Which lines match. An absent member matches every line. */
export interface LineFilter extends EventSelection {
  /** Lines whose actor contains this text. */
  readonly actor?: string | undefined;
  /** Lines of this request. */
  readonly request?: string | undefined;
}

/** Operations about keys: of others, no fields are decoded to select their lines. */
const KEY_OPERATIONS: ReadonlySet<string> = new Set([
  'set', 'set.until', 'delete', 'touch', 'batch', 'expire', 'clear', 'clear.range', 'redact',
]);

/**
 * Lists the operations that the lines of a log can have.
 *
 * @param project the project's id, or `_server`
 */
export function operationsOf(project: string): readonly string[] {
  return project === REGISTRY ? SERVER_OPERATIONS : PROJECT_OPERATIONS;
}

/** Tells whether a line matches. */
export function isLineSelected(line: LogLine, filter: LineFilter): boolean {
  const { op, actor, request } = line;
  if (filter.actor !== undefined && !actor.includes(filter.actor)) return false;
  if (filter.request !== undefined && filter.request !== request) return false;
  const isAboutKeys = filter.key !== undefined || filter.prefix !== undefined;
  if (!isAboutKeys && [undefined, op].includes(filter.op)) return true;
  return KEY_OPERATIONS.has(op) && isSelected(projectEventOf(line), filter);
}

/**
 * Returns the changes of single keys in a line that match, in their order.
 *
 * @returns none for a line that changes no single keys
 */
export function changesIn(line: LogLine, filter: LineFilter): readonly KeyChanged[] {
  return KEY_OPERATIONS.has(line.op) ? selectedChanges(projectEventOf(line), filter) : [];
}
