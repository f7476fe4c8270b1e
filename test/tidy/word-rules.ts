/** Rules on single words of the code: what is used where, and what is not used at all. */
import ts from 'typescript-5';
import { nodeRule, onlyIn, type ParsedSource, type SyntaxRule } from './syntax.js';

/** Numbers below this explain themselves. */
const BARE_NUMBER_MIN = 10;

const HTTP_STATUS_MIN = 100;
const HTTP_STATUS_MAX = 599;

/** Packages that only one place may import; what is not listed may be imported anywhere. */
const PACKAGE_HOMES: readonly { readonly name: RegExp; readonly home: RegExp }[] = [
  { name: /^(?:koa|koa-.*|@koa\/.*)$/, home: /^(?:src\/http|test\/http)\// },
  { name: /^ajv(?:\/.*)?$/, home: /^(?:src|test)\/base\/|^scripts\/precompile-schemas\.mjs$/ },
  { name: /^pino(?:-.*)?$/, home: /^(?:src|test)\/base\// },
  { name: /^commander$/, home: /^src\/cli\// },
  { name: /^uvu(?:\/.*)?$/, home: /^test\/(?:suite|several-files)\.ts$/ },
];

/** `any` switches the compiler off for whatever it touches. */
export const noAny: SyntaxRule = nodeRule((node) => (node.kind === ts.SyntaxKind.AnyKeyword ? 'the type any' : null));

/** `!` claims what `invariant()` would check. */
export const noNonNull: SyntaxRule = onlyIn(/^(?:src|web)\//, nodeRule((node) => (
  ts.isNonNullExpression(node) ? 'a non-null assertion: use invariant() or a condition' : null
)));

/** The process and the terminal belong to the command line; every other room can be used inside another program. */
export const processOnlyInCli: SyntaxRule = onlyIn(/^src\/(?!cli\/)/, nodeRule((node) => {
  if (ts.isStringLiteral(node) && /^(?:node:)?(?:process|console)$/.test(node.text) && ts.isImportDeclaration(node.parent)) {
    return `${node.text} outside src/cli`;
  }
  if (!ts.isIdentifier(node) || (node.text !== 'process' && node.text !== 'console')) return null;
  return isReference(node) ? `${node.text} outside src/cli` : null;
}));

/** A package that is known in one room can be replaced in one room. */
export const packageHomes: SyntaxRule = nodeRule((node, { path }) => {
  const name = importedName(node);
  if (name === null) return null;
  const stray = PACKAGE_HOMES.find((entry) => entry.name.test(name) && !entry.home.test(path));
  return stray === undefined ? null : `${name} may be imported only in ${stray.home.source}`;
});

/** Built-in modules are distinguished from packages by their prefix. */
export const builtinPrefix: SyntaxRule = nodeRule((node) => {
  const name = importedName(node);
  return name !== null && BUILTIN_NAMES.has(name) ? `import node:${name}` : null;
});

const BUILTIN_NAMES = new Set([
  'assert', 'buffer', 'child_process', 'crypto', 'events', 'fs', 'fs/promises', 'http', 'https', 'net', 'os', 'path', 'stream',
  'stream/promises', 'timers', 'timers/promises', 'tls', 'url', 'util', 'worker_threads', 'zlib',
]);

/**
 * A number of ten or more in source stands in a constant at the top of a module or in a static field, where its name
 * says what it is and in which unit. Free are: what an `invariant()` at the top of a module says about its constants,
 * numbers written in hexadecimal, octal or binary (codes of characters and masks), the base given to parseInt and
 * toString, numbers in types, and in src/http the statuses of HTTP.
 */
export const bareNumbers: SyntaxRule = onlyIn(/^src\//, nodeRule((node, file) => {
  if (!ts.isNumericLiteral(node) && !ts.isBigIntLiteral(node)) return null;
  // The text as written: the tree keeps the value, in which 0x20 is 32.
  const written = node.getText(file.tree);
  const value = Number(node.text.replace(/n$/, ''));
  if (value < BARE_NUMBER_MIN || /^0[xob]/i.test(written)) return null;
  if (ts.isLiteralTypeNode(node.parent) || isConstant(node) || isBase(node) || isStatus(value, file)) return null;
  return `the bare number ${written}: name it in a constant, with its unit`;
}));

function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return parent.expression.getText() === 'globalThis';
  if (ts.isQualifiedName(parent) && parent.right === node) return false;
  const isName = 'name' in parent && parent.name === node;
  return !(isName && !ts.isShorthandPropertyAssignment(parent));
}

/**
 * Reads what a node imports.
 *
 * @param node Any node
 * @returns The name when it is the specifier of an import, an export from, `import()` or a type `import('…')`; else null
 */
export function importedName(node: ts.Node): string | null {
  if (!ts.isStringLiteral(node)) return null;
  const { parent } = node;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) return node.text;
  if (ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword) return node.text;
  return ts.isLiteralTypeNode(parent) && ts.isImportTypeNode(parent.parent) ? node.text : null;
}

function isConstant(node: ts.Node): boolean {
  for (let above = node.parent; above !== undefined; above = above.parent) {
    if (ts.isPropertyDeclaration(above)) return hasModifier(above, ts.SyntaxKind.StaticKeyword);
    if (ts.isFunctionLike(above)) return false;
    if (ts.isExpressionStatement(above)) return ts.isSourceFile(above.parent) && /^invariant\(/.test(above.getText());
    if (ts.isVariableStatement(above)) {
      return ts.isSourceFile(above.parent) && (above.declarationList.flags & ts.NodeFlags.Const) !== 0;
    }
  }
  return false;
}

function hasModifier(node: ts.PropertyDeclaration, kind: ts.SyntaxKind): boolean {
  return (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}

function isBase(node: ts.Node): boolean {
  const { parent } = node;
  if (!ts.isCallExpression(parent)) return false;
  const callee = parent.expression.getText();
  if (/^(?:Number\.)?parseInt$/.test(callee)) return parent.arguments[1] === node;
  return callee.endsWith('.toString') && parent.arguments[0] === node;
}

function isStatus(value: number, { path }: ParsedSource): boolean {
  return path.startsWith('src/http/') && Number.isInteger(value) && value >= HTTP_STATUS_MIN && value <= HTTP_STATUS_MAX;
}
