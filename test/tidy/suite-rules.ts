/** Rules on how tests are written: a suite that is opened is run, and every test file has one. */
import ts from 'typescript-5';
import { nodeRule, onlyIn, type SyntaxRule } from './syntax.js';

/** Every `const test = suite(…)` is followed by one `test.run()` in the same file. */
export const suitesRun: SyntaxRule = onlyIn(/^test\//, (file) => {
  const opened = new Map<string, number>();
  const runs = new Map<string, number>();
  const offences = nodeRule((node) => {
    if (!ts.isCallExpression(node)) return null;
    const { expression, parent } = node;
    if (ts.isIdentifier(expression) && expression.text === 'suite') {
      if (!ts.isVariableDeclaration(parent)) return isProbe(node) ? null : 'keep the suite in a constant, and run it';
      count(opened, parent.name.getText());
    }
    if (ts.isPropertyAccessExpression(expression) && expression.name.text === 'run') count(runs, expression.expression.getText());
    return null;
  })(file);
  for (const [name, openedCount] of opened) {
    const runCount = runs.get(name) ?? 0;
    if (runCount !== openedCount) offences.push(`${file.path}: ${name} is opened ${openedCount} times and run ${runCount} times`);
  }
  return offences;
});

/** A file that is named a test opens a suite, itself or by calling a contract. */
export const testFilesTest: SyntaxRule = onlyIn(/^test\/.*\.test\.ts$/, (file) => {
  const text = file.tree.text;
  return /\bsuite\(/.test(text) || /\btest[A-Z]\w*Contract\(/.test(text) ? [] : [`${file.path}: opens no suite`];
});

/** `suite('probe')` inside an expression, whose result is only looked at. */
function isProbe(node: ts.CallExpression): boolean {
  return node.arguments[0]?.getText() === `'probe'`;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
