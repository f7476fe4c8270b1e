/** Extracts from the sources every message that the server log can have at the levels `warn`, `error` and `fatal`. */
import ts from 'typescript-5';

/** A source file. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

const LEVELS: readonly string[] = ['warn', 'error', 'fatal'];
/** A variable with a message that was built elsewhere; a test checks these messages on their own. */
const HANDED_ON = 'warning';
/** A level that is chosen at run time: `logger[level](…)`. */
const CHOSEN = 'level';
/** Makes a handler that logs; its own file has no message, its callers name it. */
const HANDLER = 'logFailure';
const HANDLER_FILE = 'log-failure.ts';

/**
 * Finds the messages of all calls to a logger.
 *
 * @param sources all sources
 * @returns for each message its text up to the first variable part
 * @throws {Error} if the sources do not reveal the text of a message
 */
export function loggedMessages(sources: readonly SourceText[]): readonly string[] {
  const files = sources.map(({ path, text }) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  const messages = files.filter(({ fileName }) => !fileName.endsWith(HANDLER_FILE)).flatMap((file) => callsIn(file).flatMap((call) => {
    const message = call.arguments.at(-1);
    if (message?.getText() === HANDED_ON) return [];
    const texts = message === undefined ? [] : textsOf(message, files);
    if (texts.length > 0) return texts;
    throw new Error(`${file.fileName}: the message of ${call.getText().slice(0, 200)} is not in the sources`);
  }));
  return [...new Set(messages)].toSorted();
}

function callsIn(file: ts.SourceFile): readonly ts.CallExpression[] {
  const calls: ts.CallExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && (isLogging(node.expression) || isHandler(node))) calls.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return calls;
}

function isLogging(callee: ts.Expression): boolean {
  if (ts.isPropertyAccessExpression(callee)) return LEVELS.includes(callee.name.text) && isLogger(callee.expression);
  if (!ts.isElementAccessExpression(callee)) return false;
  return callee.argumentExpression.getText() === CHOSEN && isLogger(callee.expression);
}

function isHandler({ expression, arguments: [, level] }: ts.CallExpression): boolean {
  return expression.getText() === HANDLER && level !== undefined && ts.isStringLiteral(level) && LEVELS.includes(level.text);
}

function isLogger(expression: ts.Expression): boolean {
  return /[lL]ogger$/.test(expression.getText());
}

/** The possible texts of an expression; empty if the sources do not reveal any. */
function textsOf(expression: ts.Expression, files: readonly ts.SourceFile[]): readonly string[] {
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isTemplateExpression(expression)) return headsOf(expression, files);
  if (ts.isConditionalExpression(expression)) return [expression.whenTrue, expression.whenFalse].flatMap((part) => textsOf(part, files));
  if (ts.isBinaryExpression(expression)) return textsOf(expression.left, files);
  if (!ts.isIdentifier(expression)) return [];
  const declared = declaredOf(expression, files);
  return declared === undefined ? [] : textsOf(declared, files);
}

/** The text before the first variable part; if the variable part comes first, its own possible texts. */
function headsOf(expression: ts.TemplateExpression, files: readonly ts.SourceFile[]): readonly string[] {
  const head = expression.head.text.replace(/[:;]? ?$/, '');
  const [span] = expression.templateSpans;
  if (head !== '') return [head];
  const own = span === undefined ? [] : textsOf(span.expression, files);
  return own.length > 0 || span === undefined ? own : [span.literal.text.trim()].filter((text) => text !== '');
}

/** The value of a name: from the nearest enclosing declaration, or else from the top level of another file. */
function declaredOf(name: ts.Identifier, files: readonly ts.SourceFile[]): ts.Expression | undefined {
  for (let node: ts.Node = name; !ts.isSourceFile(node); node = node.parent) {
    const scope = node.parent;
    const found = ts.isBlock(scope) || ts.isSourceFile(scope) ? declaredIn(scope.statements, name.text) : undefined;
    if (found !== undefined) return found;
  }
  return files.map(({ statements }) => declaredIn(statements, name.text)).find((found) => found !== undefined);
}

function declaredIn(statements: readonly ts.Statement[], name: string): ts.Expression | undefined {
  const declarations = statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => declarationList.declarations);
  return declarations.find((declaration) => declaration.name.getText() === name)?.initializer;
}
