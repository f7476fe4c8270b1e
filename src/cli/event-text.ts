/**
 * A line of a log for a person at a terminal: seq, time, operation, actor, and what changed, with long values cut off.
 */
import { styleText } from 'node:util';
import { countText } from '../base/count-text.js';
import { isoTime } from '../base/iso-time.js';
import type { FoundLine } from '../offline/replay/found-line.js';

/** What is shown of a line. */
type ShownLine = Pick<FoundLine, 'seq' | 'timeMs' | 'op' | 'actor' | 'fields' | 'changes'>;
type Style = Parameters<typeof styleText>[0];

/** Width of a seq, and of an operation on keys, in characters. */
const SEQ_WIDTH = 6;
const OP_WIDTH = 6;
/** Characters of a value, and of the fields of any other operation. */
const VALUE_CHARACTERS_MAX = 60;
const FIELDS_CHARACTERS_MAX = 120;
/** Changes of a batch. */
const CHANGES_SHOWN_MAX = 20;

const STYLES: Readonly<Record<string, Style>> = { set: 'green', delete: 'red', clear: 'red', 'clear.range': 'red', batch: 'cyan' };
const OTHER_STYLE: Style = 'magenta';

/** Characters that control a terminal, or change the order of the text around them: a value may contain them. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const HEX = 16;
const ESCAPE_DIGITS = 4;

/**
 * Formats a line. A batch has further lines, one for each matching change.
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
    return change.op === 'set' ? `${key} ${shortened(change.value, VALUE_CHARACTERS_MAX)}` : key;
  };
  const [first] = changes;
  const isSingle = line.op !== 'batch' && first !== undefined;
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
  return op === 'batch' ? countText(changeCount, 'change') : shortened(fields, FIELDS_CHARACTERS_MAX);
}

/** Cuts off a text after so many characters. */
function shortened(text: string, charactersMax: number): string {
  // A character takes at most two code units; a value may have megabytes.
  const characters = [...text.slice(0, 2 * (charactersMax + 1))];
  return printable(characters.length > charactersMax ? `${characters.slice(0, charactersMax).join('')}…` : text);
}

function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (
    `\\u${character.charCodeAt(0).toString(HEX).padStart(ESCAPE_DIGITS, '0')}`
  ));
}
