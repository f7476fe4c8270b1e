/**
 * A line of a log for a person at a terminal: seq, time, operation, actor, and what changed, with long values cut off.
 */
import { styleText } from 'node:util';
import { countText } from '../base/count-text.js';
import { isoTime } from '../base/iso-time.js';
import type { FoundLine } from '../offline/replay/found-line.js';
import { printable } from './printable.js';

/** What is shown of a line. */
export type ShownLine = Pick<FoundLine, 'seq' | 'timeMs' | 'op' | 'actor' | 'fields' | 'isErased' | 'changes'>;
type Style = Parameters<typeof styleText>[0];

/** Width of a seq, and of an operation on keys, in characters. */
const SEQ_WIDTH = 6;
const OP_WIDTH = 6;
/** Characters of a value, and of the fields of any other operation. */
const VALUE_CHARACTERS_MAX = 60;
const FIELDS_CHARACTERS_MAX = 120;
/** Changes of a batch, or keys that expired. */
const CHANGES_SHOWN_MAX = 20;

const STYLES: Readonly<Record<string, Style>> = {
  set: 'green', 'set.until': 'green', touch: 'green', delete: 'red', expire: 'red', clear: 'red', 'clear.range': 'red', batch: 'cyan',
};
const OTHER_STYLE: Style = 'magenta';

/**
 * Formats a line. One of several changes has further lines, one for each matching change.
 *
 * @returns with the final line feed
 * @throws {UnknownEventError} for an event that this version cannot read
 */
export function eventText(line: ShownLine, isColored: boolean): string {
  const paint = (style: Style, text: string): string => (isColored ? styleText(style, text, { validateStream: false }) : text);
  const op = (name: string): string => paint(STYLES[name] ?? OTHER_STYLE, name.padEnd(OP_WIDTH));
  const changes = line.changes();
  const changeText = (change: (typeof changes)[number]): string => {
    const key = paint('bold', printable(JSON.stringify(change.key)));
    const expiry = 'expires_at' in change ? ` ${paint('dim', `expires ${change.expires_at ?? 'never'}`)}` : '';
    if (!('value' in change)) return `${key}${expiry}`;
    return `${key}${expiry} ${line.isErased ? paint('dim', 'erased') : shortened(change.value, VALUE_CHARACTERS_MAX)}`;
  };
  const [first] = changes;
  const isSingle = first !== undefined && line.op !== 'batch' && changes.length === 1;
  const what = isSingle ? changeText(first) : summaryOf(line, changes.length);
  const start = `${String(line.seq).padStart(SEQ_WIDTH)}  ${paint('dim', isoTime(line.timeMs))}  ${op(line.op)}`;
  const lines = [`${start}  ${paint('dim', line.actor)}  ${what}`];
  if (!isSingle) {
    const indent = ' '.repeat(SEQ_WIDTH + 2);
    lines.push(...changes.slice(0, CHANGES_SHOWN_MAX).map((change) => `${indent}${op(change.op)}  ${changeText(change)}`));
    if (changes.length > CHANGES_SHOWN_MAX) lines.push(`${indent}and ${changes.length - CHANGES_SHOWN_MAX} more`);
  }
  return `${lines.join('\n')}\n`;
}

function summaryOf({ op, fields }: ShownLine, changeCount: number): string {
  if (op === 'batch') return countText(changeCount, 'change');
  return op === 'expire' ? countText(changeCount, 'key') : shortened(fields, FIELDS_CHARACTERS_MAX);
}

/** Cuts off a text after so many characters. */
function shortened(text: string, charactersMax: number): string {
  // A character takes at most two code units; a value may have megabytes.
  const characters = [...text.slice(0, 2 * (charactersMax + 1))];
  return printable(characters.length > charactersMax ? `${characters.slice(0, charactersMax).join('')}…` : text);
}
