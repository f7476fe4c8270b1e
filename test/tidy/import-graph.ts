/** Reads who imports whom inside src, and finds forbidden edges and cycles. Knows no room by name. */
import path from 'node:path';
import ts from 'typescript-5';
import type { SourceText } from './source-tree.js';
import { parseSource, place } from './syntax.js';

/** One import of a file of src by another. */
export interface ImportEdge {
  /** The importing file, from the top of src: `store/decide.ts`. */
  readonly from: string;
  /** The imported file, likewise; what lies outside src begins with `../`. */
  readonly to: string;
  /** Whether it is gone once compiled (`import type`); an import whose names are each marked `type` is not. */
  readonly isTypeOnly: boolean;
  /** File and line, for the reader of an offence. */
  readonly place: string;
}

/**
 * What each room may import, beside itself: names of rooms (`base`), or of files (`log/log.ts`). A room is a folder
 * of src or a file directly in it.
 */
export type RoomTable = Readonly<Record<string, readonly string[]>>;

/**
 * Reads the imports of a file: statements, `import()`, types written as `import('…')`, and workers started by
 * `new URL('./file.js', import.meta.url)`. Packages and built-in modules are left out.
 *
 * @param file A file of src
 * @returns Its edges, in order
 */
export function importEdges(file: SourceText): ImportEdge[] {
  const parsed = parseSource(file);
  const from = file.path.replace(/^src\//, '');
  const edges: ImportEdge[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) && node.text.startsWith('.') && isSpecifier(node)) {
      const to = path.posix.join(path.posix.dirname(from), node.text).replace(/\.js$/, '.ts');
      edges.push({ from, to, isTypeOnly: isTypeOnly(node.parent), place: place(parsed, node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed.tree);
  return edges;
}

/**
 * Compares files and edges with the table.
 *
 * @param table What each room may import
 * @param files The files of src
 * @returns The offences: a file in no room, an edge that the table does not have, an import of a file that is not there
 */
export function roomOffences(table: RoomTable, files: readonly SourceText[]): string[] {
  const known = new Set(files.map((file) => file.path.replace(/^src\//, '')));
  const strays = [...known].filter((file) => table[roomOf(file)] === undefined).map((file) => `src/${file}: no room of the table`);
  const edges = files.flatMap(importEdges).flatMap((edge) => {
    if (!known.has(edge.to)) return [`${edge.place}: imports ${edge.to}, which is not in src`];
    if (roomOf(edge.from) === roomOf(edge.to)) return [];
    const allowed = table[roomOf(edge.from)] ?? [];
    if (allowed.includes(roomOf(edge.to)) || allowed.includes(edge.to)) return [];
    return [`${edge.place}: ${roomOf(edge.from)} may not import ${edge.to}`];
  });
  return [...strays, ...edges];
}

/**
 * Finds imports of a folder that is the inside of a room.
 *
 * @param folder The folder, such as `log/file`
 * @param exempt Files outside the room that may import it
 * @param files The files of src
 * @returns The offences
 */
export function insideOffences(folder: string, exempt: readonly string[], files: readonly SourceText[]): string[] {
  return files.flatMap(importEdges)
    .filter((edge) => edge.to.startsWith(`${folder}/`) && roomOf(edge.from) !== roomOf(edge.to) && !exempt.includes(edge.from))
    .map((edge) => `${edge.place}: ${edge.to} is the inside of ${roomOf(edge.to)}`);
}

/**
 * Finds files that need each other to be loaded.
 *
 * @param files The files of src
 * @returns One offence a cycle, as a path that ends where it began
 */
export function importCycles(files: readonly SourceText[]): string[] {
  const targets = new Map<string, string[]>();
  for (const edge of files.flatMap(importEdges)) {
    if (!edge.isTypeOnly) targets.set(edge.from, [...(targets.get(edge.from) ?? []), edge.to]);
  }
  return cyclesOf(targets);
}

/**
 * Finds rooms that may import each other by way of others.
 *
 * @param table What each room may import
 * @returns One offence a cycle
 */
export function tableCycles(table: RoomTable): string[] {
  return cyclesOf(new Map(Object.entries(table).map(([room, allowed]) => [room, allowed.map(roomOf)])));
}

/** Depth first; a node met again while it is still on the path closes a cycle. */
function cyclesOf(targets: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (node: string, above: readonly string[]): void => {
    const start = above.indexOf(node);
    if (start >= 0) cycles.push([...above.slice(start), node].join(' -> '));
    if (start >= 0 || done.has(node)) return;
    for (const target of targets.get(node) ?? []) walk(target, [...above, node]);
    done.add(node);
  };
  for (const node of targets.keys()) walk(node, []);
  return cycles;
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function isSpecifier(node: ts.StringLiteral): boolean {
  const { parent } = node;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) return true;
  if (ts.isCallExpression(parent)) return parent.expression.kind === ts.SyntaxKind.ImportKeyword;
  if (ts.isLiteralTypeNode(parent)) return ts.isImportTypeNode(parent.parent);
  return ts.isNewExpression(parent) && parent.expression.getText() === 'URL' && /\.js$/.test(node.text);
}

function isTypeOnly(parent: ts.Node): boolean {
  if (ts.isImportDeclaration(parent)) return parent.importClause?.isTypeOnly === true;
  return ts.isExportDeclaration(parent) ? parent.isTypeOnly : ts.isLiteralTypeNode(parent);
}
