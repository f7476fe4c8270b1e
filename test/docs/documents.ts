/** Parses Markdown: sections, tables, fenced blocks, links. Knows nothing about the content of a document. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../tidy/source-tree.js';

/** A fenced block of a document. */
export interface FencedBlock {
  /** The word after the fence, such as `sh`; empty for none. */
  readonly language: string;
  /** The second word after the fence: the name of a script or of an example; empty for none. */
  readonly name: string;
  /** The lines between the fences, each with its line feed. */
  readonly text: string;
}

/** Stands in an example for text that differs from run to run. */
const ANYTHING = '…';

/**
 * Reads a document.
 *
 * @param name Its path from the top of the project
 * @returns The whole text
 */
export function readDocument(name: string): string {
  return readFileSync(path.join(projectRoot(), name), 'utf8');
}

/**
 * Finds a section.
 *
 * @param document The text of a document
 * @param title The text of its heading
 * @returns Everything below the heading, up to the next heading that is not deeper
 * @throws {Error} When there is no such heading
 */
export function section(document: string, title: string): string {
  const lines = document.split('\n');
  const isFenced = fenceFlags(lines);
  const levelOf = (index: number): number => (isFenced[index] === true ? 0 : /^(#+) /.exec(lines[index] ?? '')?.[1]?.length ?? 0);
  const start = lines.findIndex((line, index) => levelOf(index) > 0 && line.replace(/^#+ /, '') === title);
  if (start < 0) throw new Error(`There is no heading "${title}"`);
  const next = lines.findIndex((_, index) => index > start && levelOf(index) > 0 && levelOf(index) <= levelOf(start));
  return `${lines.slice(start + 1, next < 0 ? undefined : next).join('\n')}\n`;
}

/**
 * Reads the first table of a text.
 *
 * @param text Part of a document
 * @returns Its rows without the heading, each a list of cells
 * @throws {Error} When there is none, or a row has another number of cells than the heading
 */
export function tableRows(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  if (start < 0) throw new Error('There is no table');
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const cellsOf = (line: string): readonly string[] => line.slice(1, -1).split('|').map((cell) => cell.trim());
  const rows = lines.slice(start, length < 0 ? undefined : start + length).map(cellsOf);
  const odd = rows.find((row) => row.length !== rows[0]?.length);
  if (odd !== undefined) throw new Error(`A row has another number of cells than the heading: ${odd.join(' | ')}`);
  return rows.slice(2);
}

/**
 * Removes the backticks of a cell.
 *
 * @param cell A cell of a table; undefined if the row has too few
 * @returns Its text without backticks
 */
export function plain(cell: string | undefined): string {
  return (cell ?? '').replaceAll('`', '');
}

/**
 * Reads the fenced blocks of a text.
 *
 * @param text Part of a document
 * @returns The blocks in their order
 */
export function fencedBlocks(text: string): readonly FencedBlock[] {
  const blocks = [...text.matchAll(/^( *)```(\w*)(?: ([\w-]+))?\n([\s\S]*?)^\1```$/gm)];
  return blocks.map(([, indent = '', language = '', name = '', body = '']) => ({
    language, name, text: body.replace(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/**
 * Finds the links of a document to files or headings of the project.
 *
 * @param document The text of a document
 * @returns Their targets, such as `docs/a.md#title`
 */
export function relativeLinks(document: string): readonly string[] {
  const lines = document.split('\n');
  const isFenced = fenceFlags(lines);
  const prose = lines.filter((_, index) => isFenced[index] !== true).join('\n').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target));
}

/**
 * Lists the anchors of a document's headings.
 *
 * @param document The text of a document
 * @returns What may follow `#` in a link
 */
export function anchors(document: string): readonly string[] {
  const lines = document.split('\n');
  const isFenced = fenceFlags(lines);
  const headings = lines.filter((line, index) => isFenced[index] !== true && /^#+ /.test(line));
  return headings.map((line) => line.replace(/^#+ /, '').toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

/**
 * Turns an example into a pattern: `…` stands for any text within a line.
 *
 * @param example What a document shows
 * @returns A pattern for the whole output, apart from white space at the end
 */
export function examplePattern(example: string): RegExp {
  const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`^${example.trimEnd().split(ANYTHING).map(escape).join('[^\\n]*')}\\s*$`);
}

/** For each line, whether it is part of a fenced block, fences included. */
function fenceFlags(lines: readonly string[]): readonly boolean[] {
  let isOpen = false;
  return lines.map((line) => {
    const isFence = line.trimStart().startsWith('```');
    const flag = isOpen || isFence;
    if (isFence) isOpen = !isOpen;
    return flag;
  });
}
