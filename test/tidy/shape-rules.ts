/** Rules on the size of functions and on what is said above them. */
import ts from 'typescript-5';
import { nodeRule, onlyIn, place, type ParsedSource, type SyntaxRule } from './syntax.js';

const FUNCTION_LINES_MAX = 70;
const FUNCTION_LINES_P90_MAX = 40;
const PARAMETERS_MAX = 4;

/** No function is too long to be read at once. (The body of a test is a list of steps, and is not counted.) */
export const functionSize: SyntaxRule = onlyIn(/^(?:src|web|bench|scripts)\//, nodeRule((node, file) => {
  const count = functionLines(node, file);
  return count > FUNCTION_LINES_MAX ? `a function of ${count} lines, over ${FUNCTION_LINES_MAX}` : null;
}));

/** Functions are short as a whole, not only each below the limit. */
export function functionSizes(files: readonly ParsedSource[]): string[] {
  const counts: number[] = [];
  const collect = nodeRule((node, file) => {
    const count = functionLines(node, file);
    if (count > 0) counts.push(count);
    return null;
  });
  for (const file of files.filter(({ path }) => path.startsWith('src/'))) collect(file);
  const p90 = counts.sort((a, b) => a - b)[Math.ceil(counts.length * 0.9) - 1] ?? 0;
  return p90 > FUNCTION_LINES_P90_MAX ? [`src: one function in ten has ${p90} lines or more, over ${FUNCTION_LINES_P90_MAX}`] : [];
}

/** More parameters than a reader can tell apart belong in an object with names. */
export const parameterCount: SyntaxRule = nodeRule((node) => {
  if (!ts.isFunctionLike(node) || ts.isFunctionTypeNode(node)) return null;
  const count = node.parameters.filter((parameter) => parameter.name.getText() !== 'this').length;
  return count > PARAMETERS_MAX ? `${count} parameters, over ${PARAMETERS_MAX}` : null;
});

/** Every source file begins by saying what it owns, apart from what its first declaration says of itself. */
export const moduleComment: SyntaxRule = onlyIn(/^(?:src|web)\//, (file) => {
  const text = file.tree.text.replace(/^#!.*\n/, '');
  const comment = /^\/\*\*[\s\S]*?\*\//.exec(text)?.[0];
  if (comment === undefined) return [`${file.path}:1: no module comment on top`];
  if (wordCount(comment) < 4) return [`${file.path}:1: the module comment says nothing`];
  const first = file.tree.statements[0];
  if (first === undefined || ts.isImportDeclaration(first) || docCommentCount(file, first) !== 1) return [];
  return /^\n\s*\n/.test(text.slice(comment.length)) ? [] : [`${file.path}:1: the comment on top belongs to the first declaration`];
});

/** Every export says what it is; a function also what it throws, and names no parameter that it does not have. */
export const exportedDocs: SyntaxRule = onlyIn(/^(?:src|web)\//, (file) => file.tree.statements.flatMap((statement, index) => {
  if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined) {
    return [`${place(file, statement)}: export a thing where it is declared`];
  }
  if (!isExported(statement) || isLaterOverload(file, index)) return [];
  // The first comment of a file is the module's, not its first declaration's.
  const hasOwn = docCommentCount(file, statement) > (index === 0 ? 1 : 0);
  const comment = ts.getJSDocCommentsAndTags(statement).findLast(ts.isJSDoc);
  const name = declaredName(statement);
  if (!hasOwn || comment === undefined) return [`${place(file, statement)}: ${name} has no TSDoc`];
  const missing = [...summaryFaults(comment), ...functionFaults(statement, comment)];
  return missing.map((fault) => `${place(file, statement)}: the TSDoc of ${name} ${fault}`);
}));

function functionLines(node: ts.Node, file: ParsedSource): number {
  if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return 0;
  const first = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line;
  return file.tree.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
}

function isExported(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement)
    && (ts.getModifiers(statement) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);
}

function isLaterOverload(file: ParsedSource, index: number): boolean {
  const [before, here] = [file.tree.statements[index - 1], file.tree.statements[index]];
  return before !== undefined && here !== undefined && ts.isFunctionDeclaration(before) && ts.isFunctionDeclaration(here)
    && before.body === undefined && before.name?.text === here.name?.text;
}

function docCommentCount(file: ParsedSource, node: ts.Node): number {
  const ranges = ts.getLeadingCommentRanges(file.tree.text, node.getFullStart()) ?? [];
  return ranges.filter((range) => file.tree.text.startsWith('/**', range.pos)).length;
}

function declaredName(statement: ts.Statement): string {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map((one) => one.name.getText()).join(', ');
  const name = 'name' in statement ? (statement.name as ts.Node | undefined) : undefined;
  return name?.getText() ?? 'the default export';
}

function summaryFaults(comment: ts.JSDoc): string[] {
  const summary = ts.getTextOfJSDocComment(comment.comment)?.trim() ?? '';
  return wordCount(summary) < 2 ? ['has no summary'] : [];
}

function functionFaults(statement: ts.Statement, comment: ts.JSDoc): string[] {
  const declaration = exportedFunction(statement);
  if (declaration === undefined) return [];
  const named = declaration.parameters.flatMap(({ name }) => (ts.isIdentifier(name) && name.text !== 'this' ? [name.text] : []));
  const tags: readonly ts.JSDocTag[] = comment.tags ?? [];
  const described = tags.filter(ts.isJSDocParameterTag).map((tag) => tag.name.getText());
  const hasDestructured = declaration.parameters.some(({ name }) => !ts.isIdentifier(name));
  const gone = described.filter((name) => !named.includes(name.split('.')[0] ?? name));
  const faults = hasDestructured ? [] : gone.map((name) => `has @param ${name}, which is gone`);
  if (throwsItself(declaration) && !tags.some(ts.isJSDocThrowsTag)) faults.push('lacks @throws');
  return faults;
}

function exportedFunction(statement: ts.Statement): ts.FunctionDeclaration | ts.ArrowFunction | ts.FunctionExpression | undefined {
  if (ts.isFunctionDeclaration(statement)) return statement;
  if (!ts.isVariableStatement(statement)) return undefined;
  const initializer = statement.declarationList.declarations[0]?.initializer;
  return initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer)) ? initializer : undefined;
}

/** Whether the function makes an error and throws it, in its own body and not in a function inside. */
function throwsItself(declaration: ts.FunctionDeclaration | ts.ArrowFunction | ts.FunctionExpression): boolean {
  let found = false;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isThrowStatement(node) && ts.isNewExpression(node.expression)) found = true;
    ts.forEachChild(node, visit);
  };
  if (declaration.body !== undefined) ts.forEachChild(declaration.body, visit);
  return found;
}

function wordCount(text: string): number {
  return text.match(/[A-Za-z`]{2,}/g)?.length ?? 0;
}
