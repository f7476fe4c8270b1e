/**
 * Rules that need types: a promise is awaited, returned, or said with `void` to be left alone. One that is dropped
 * takes its failure out of everyone's sight until it ends the process.
 */
import ts from 'typescript-5';

const KEEPING: ReadonlySet<ts.SyntaxKind> = new Set([ts.SyntaxKind.EqualsToken, ts.SyntaxKind.QuestionQuestionEqualsToken]);

/**
 * Finds promises that are not awaited: statements whose value has `then`, and async functions handed to a caller
 * that takes no result.
 *
 * @param program The compiled project
 * @param isOurs Which of its files are ours
 * @returns The offences, each with file and line
 */
export function floatingPromises(program: ts.Program, isOurs: (fileName: string) => boolean): string[] {
  const checker = program.getTypeChecker();
  const offences: string[] = [];
  for (const tree of program.getSourceFiles()) {
    if (tree.isDeclarationFile || !isOurs(tree.fileName)) continue;
    const report = (node: ts.Node, message: string): void => {
      offences.push(`${tree.fileName}:${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}: ${message}`);
    };
    const visit = (node: ts.Node): void => {
      if (ts.isExpressionStatement(node) && isThenable(checker, node.expression)) report(node, 'a promise that is not awaited');
      if (isAsyncFunction(node) && isTakenAsVoid(checker, node)) report(node, 'an async function where its promise is dropped');
      ts.forEachChild(node, visit);
    };
    visit(tree);
  }
  return offences;
}

/**
 * Compiles the project for its types, writing nothing.
 *
 * @param root The folder of tsconfig.json
 * @returns The program
 */
export function compileProject(root: string): ts.Program {
  const config = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  return ts.createProgram(fileNames, options);
}

function isThenable(checker: ts.TypeChecker, expression: ts.Expression): boolean {
  if (ts.isVoidExpression(expression) || ts.isAwaitExpression(expression)) return false;
  // `x = promise` and `x ??= promise` keep it.
  if (ts.isBinaryExpression(expression) && KEEPING.has(expression.operatorToken.kind)) return false;
  return hasThen(checker.getTypeAtLocation(expression)) && !hasHandler(expression);
}

/** `.catch(handler)` and `.then(…, handler)` see the failure, whatever becomes of what they return. */
function hasHandler(expression: ts.Expression): boolean {
  if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return false;
  const method = expression.expression.name.text;
  return (method === 'catch' && expression.arguments.length === 1) || (method === 'then' && expression.arguments.length === 2);
}

function hasThen(type: ts.Type): boolean {
  if (type.isUnion()) return type.types.some(hasThen);
  return type.getProperty('then') !== undefined;
}

function isAsyncFunction(node: ts.Node): node is ts.ArrowFunction | ts.FunctionExpression {
  return (ts.isArrowFunction(node) || ts.isFunctionExpression(node))
    && (node.modifiers ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword);
}

function isTakenAsVoid(checker: ts.TypeChecker, node: ts.ArrowFunction | ts.FunctionExpression): boolean {
  const signatures = checker.getContextualType(node)?.getCallSignatures() ?? [];
  return signatures.length > 0
    && signatures.every((signature) => (checker.getReturnTypeOfSignature(signature).flags & ts.TypeFlags.Void) !== 0);
}
