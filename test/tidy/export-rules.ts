/** Rules on what files export. They compare names, not bindings: a name that another file does not even contain is used nowhere. */
import ts from 'typescript-5';
import { type ParsedSource, place } from './syntax.js';

interface ExportedName {
  readonly file: ParsedSource;
  readonly name: string;
  readonly place: string;
}

/**
 * Finds exports that no other file uses.
 *
 * @param files Every file that may import one
 * @returns The offences of files of src, each with file and line
 */
export function unusedExports(files: readonly ParsedSource[]): string[] {
  const words = files.map((file) => ({ path: file.path, names: new Set(file.tree.text.match(/\w+/g)) }));
  const isUsed = ({ file, name }: ExportedName): boolean => words.some(({ path, names }) => path !== file.path && names.has(name));
  return exportsOfSource(files).filter((one) => !isUsed(one)).map((one) => `${one.place}: no other file uses the export ${one.name}`);
}

/**
 * Finds names that two files of src export: a reader who looks for one finds the other.
 *
 * @param files The files
 * @returns The offences, each with file and line
 */
export function doubledExports(files: readonly ParsedSource[]): string[] {
  const seen = new Map<string, ExportedName>();
  return exportsOfSource(files).flatMap((one) => {
    const first = seen.get(one.name) ?? one;
    seen.set(one.name, first);
    return first.file === one.file ? [] : [`${one.place}: ${first.file.path} exports a ${one.name} too`];
  });
}

function exportsOfSource(files: readonly ParsedSource[]): ExportedName[] {
  return files.filter(({ path }) => path.startsWith('src/')).flatMap((file) => file.tree.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) ?? [] : [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    return namesOf(statement).map((name) => ({ file, name, place: place(file, statement) }));
  }));
}

function namesOf(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = statement as ts.DeclarationStatement;
  return name === undefined ? [] : [name.getText()];
}
