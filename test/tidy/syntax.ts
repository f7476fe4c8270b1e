/** Reads the syntax of a file and walks it; what the rules on syntax stand on. */
import ts from 'typescript-5';
import type { SourceText } from './source-tree.js';

/** A file with its syntax tree. */
export interface ParsedSource {
  /** Path from the top of the project. */
  readonly path: string;
  /** The tree, with parents set. */
  readonly tree: ts.SourceFile;
}

/** A rule: which places in this file offend, each offence one line that begins with file and line. */
export type SyntaxRule = (file: ParsedSource) => string[];

/** Many rules read the same files. */
const parsed = new WeakMap<SourceText, ParsedSource>();

/**
 * Parses one file; the types of things are not known.
 *
 * @param file Path and text
 * @returns The tree
 */
export function parseSource(file: SourceText): ParsedSource {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const made = { path: file.path, tree: ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true) };
  parsed.set(file, made);
  return made;
}

/**
 * Makes a rule out of a judgement on single nodes.
 *
 * @param judge Says what is wrong with a node, or null
 * @returns The rule, which walks the whole file
 */
export function nodeRule(judge: (node: ts.Node, file: ParsedSource) => string | null): SyntaxRule {
  return (file) => {
    const offences: string[] = [];
    const visit = (node: ts.Node): void => {
      const offence = judge(node, file);
      if (offence !== null) offences.push(`${place(file, node)}: ${offence}`);
      ts.forEachChild(node, visit);
    };
    ts.forEachChild(file.tree, visit);
    return offences;
  };
}

/**
 * Says where a node stands.
 *
 * @param file The file
 * @param node A node of it
 * @returns `path:line`
 */
export function place(file: ParsedSource, node: ts.Node): string {
  return `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1}`;
}

/**
 * Narrows a rule to some files.
 *
 * @param within Which paths it is about
 * @param rule The rule
 * @returns The rule, silent on other files
 */
export function onlyIn(within: RegExp, rule: SyntaxRule): SyntaxRule {
  return (file) => (within.test(file.path) ? rule(file) : []);
}
