/**
 * JSON as text: laid out, compacted and compared token by token, so that nothing of a value is lost on the way to the screen: not the
 * digits of a large number, not the order of members, not one of two members of the same name.
 */
import { findJsonFault } from '../src/base/json-fault.js';
import { count } from './format.js';

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const INDENT = '  ';

/** The tokens of a valid JSON text. */
export function tokensOf(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

/** Lays a JSON text out, one member or item a line. */
export function laidOut(text: string): string {
  const tokens = tokensOf(text);
  let depth = 0;
  let out = '';
  const breakLine = (): void => void (out += `\n${INDENT.repeat(depth)}`);
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (token === '{' || token === '[') {
      out += token;
      const isEmpty = next === '}' || next === ']';
      if (!isEmpty) {
        depth += 1;
        breakLine();
      }
    } else if (token === '}' || token === ']') {
      const previous = tokens[index - 1];
      if (previous !== '{' && previous !== '[') {
        depth -= 1;
        breakLine();
      }
      out += token;
    } else if (token === ',') {
      out += token;
      breakLine();
    } else {
      out += token === ':' ? ': ' : token;
    }
  }
  return out;
}

/** The text without blanks between tokens. */
export function compact(text: string): string {
  return tokensOf(text).join('');
}

/** Where a text stops being JSON. */
export interface TextFault {
  /** Of the text, in UTF-16 code units. */
  readonly index: number;
  /** With the line and the column. */
  readonly message: string;
}

/** Finds where a text stops being JSON; null if it is JSON. */
export function jsonFault(text: string): TextFault | null {
  const bytes = new TextEncoder().encode(text);
  const fault = findJsonFault(bytes);
  if (fault === undefined) return null;
  const { offset, line, column, expected } = fault;
  // What ends in the middle of a character would have another one in its place.
  const index = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, offset)).length;
  return { index, message: `Line ${count(line)}, column ${count(column)}: expected ${expected}` };
}

/** A JSON value whose scalars are the tokens themselves. Names of members begin with a dot, so that none of them means anything. */
export type TokenTree = string | readonly TokenTree[] | { readonly [name: string]: TokenTree };

/** Makes the tree of a valid JSON text. Of members with the same name, each has its own. */
export function treeOf(text: string): TokenTree {
  const tokens = tokensOf(text);
  const stack: (TokenTree[] | Record<string, TokenTree>)[] = [];
  const names: string[] = [];
  let root: TokenTree = '';
  for (const [index, token] of tokens.entries()) {
    const parent = stack.at(-1);
    if (token === ',' || token === ':') continue;
    if (token === '}' || token === ']') {
      stack.pop();
      continue;
    }
    const isName = tokens[index + 1] === ':' && parent !== undefined && !Array.isArray(parent);
    if (isName) {
      names[stack.length] = freeName(parent, `.${String(JSON.parse(token))}`);
      continue;
    }
    const value: TokenTree[] | Record<string, TokenTree> | string = token === '{' ? {} : token === '[' ? [] : token;
    if (parent === undefined) root = value;
    else if (Array.isArray(parent)) parent.push(value);
    else parent[names[stack.length] ?? ''] = value;
    if (typeof value !== 'string') stack.push(value);
  }
  return root;
}

/** The compact text of a tree. */
export function treeText(tree: TokenTree): string {
  if (typeof tree === 'string') return tree;
  if (Array.isArray(tree)) return `[${(tree as readonly TokenTree[]).map(treeText).join(',')}]`;
  return `{${Object.entries(tree).map(([name, value]) => `${JSON.stringify(shownName(name))}:${treeText(value)}`).join(',')}}`;
}

/** The name of a member of a tree as it is in the JSON. */
export function shownName(name: string): string {
  return name.slice(1).replace(/\u0000\d+$/, '');
}

function freeName(parent: object, name: string): string {
  let free = name;
  for (let count = 2; Object.hasOwn(parent, free); count += 1) free = `${name}\u0000${count}`;
  return free;
}
