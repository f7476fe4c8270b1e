/**
 * A copy of the built project that can be broken: what is compiled is copied, everything else is linked. The original is only read.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript-5';
import { FORM_VARIABLE } from '../../test-form.js';
import { runTestFile, type TestProcessResult } from '../../test-process.js';
import { projectRoot } from '../../tidy/source-tree.js';
import type { SourceChange } from './saboteur.js';

/** The folder of what is compiled: the one that this file lies in. */
const BUILT = fileURLToPath(new URL('../../../', import.meta.url));
const OUTPUT = 'dist';
/** Parts of the output that tests need. */
const COPIED = ['src', 'test'];
/** Tests of the bundled program instead of its modules. */
const RUNS_PROGRAM = /^(?:cli|client|docs|e2e|proofs)\//;
/** Longest run of one test file, in milliseconds. */
const TEST_LIMIT_MS = 600_000;

/**
 * Makes a change in the text of a file.
 *
 * @param text the whole source
 * @param change where and what
 * @returns the changed source
 * @throws {Error} when the fragment occurs not once, or the change changes nothing
 */
export function changeText(text: string, change: SourceChange): string {
  const { file, find } = change;
  const count = text.split(find).length - 1;
  if (find === '' || count !== 1) throw new Error(`"${find}" occurs ${count} times in ${file}, and must occur once`);
  const changed = applyChange(text, change);
  if (changed === text) throw new Error(`The change of ${file} changes nothing`);
  return changed;
}

function applyChange(text: string, change: SourceChange): string {
  const at = text.indexOf(change.find);
  const end = at + change.find.length;
  if ('replace' in change) return text.slice(0, at) + change.replace + text.slice(end);
  const statement = statementAround(text, at, end);
  if ('before' in change) return `${text.slice(0, statement.start)}${change.before}\n${text.slice(statement.start)}`;
  // An empty statement, since the one that goes may be the body of an `if`.
  return text.slice(0, statement.start) + (change.statement || ';') + text.slice(statement.end);
}

/** The innermost statement that contains a range of the text. */
function statementAround(text: string, at: number, end: number): { readonly start: number; readonly end: number } {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true);
  let found: ts.Node | undefined;
  const visit = (node: ts.Node): void => {
    if (node.getStart() > at || node.getEnd() < end) return;
    if (ts.isStatement(node) && !ts.isBlock(node)) found = node;
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  if (found === undefined) throw new Error(`"${text.slice(at, end)}" is in no statement`);
  return { start: found.getStart(), end: found.getEnd() };
}

/**
 * Compiles one file alone.
 *
 * @param text TypeScript
 * @param file its name for messages
 * @returns JavaScript
 * @throws {Error} when it is not TypeScript
 */
export function compileText(text: string, file: string): string {
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  const { outputText, diagnostics = [] } = ts.transpileModule(text, { compilerOptions, fileName: file, reportDiagnostics: true });
  const [first] = diagnostics;
  if (first !== undefined) throw new Error(`${file} does not compile: ${ts.flattenDiagnosticMessageText(first.messageText, ' ')}`);
  return outputText;
}

/** A copy in a folder of its own. */
export class BuildCopy {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'simplekv-saboteur-'));

  /** Copies what is built. */
  constructor() {
    for (const name of COPIED) cpSync(path.join(BUILT, name), path.join(this.#folder, OUTPUT, name), { recursive: true });
    const others = readdirSync(projectRoot()).filter((name) => name !== OUTPUT && name !== '.git');
    for (const name of others) symlinkSync(path.join(projectRoot(), name), path.join(this.#folder, name));
  }

  /**
   * Breaks the copy.
   *
   * @param changes places of the source
   * @returns makes it whole again
   * @throws {Error} when a change cannot be made; nothing is changed then
   */
  break(changes: readonly SourceChange[]): () => void {
    const sources = new Map<string, string>();
    for (const change of changes) {
      const text = sources.get(change.file) ?? readFileSync(path.join(projectRoot(), change.file), 'utf8');
      sources.set(change.file, changeText(text, change));
    }
    const broken = [...sources].map(([file, text]) => [this.#output(file), compileText(text, file)] as const);
    const whole = broken.map(([output]) => [output, readFileSync(output, 'utf8')] as const);
    for (const [output, text] of broken) writeFileSync(output, text);
    return () => {
      for (const [output, text] of whole) writeFileSync(output, text);
    };
  }

  /**
   * Runs a test file of the copy.
   *
   * @param test its path below `test`, without an ending
   * @returns how it ended
   */
  async run(test: string): Promise<TestProcessResult> {
    if (RUNS_PROGRAM.test(test)) execFileSync(process.execPath, [path.join(projectRoot(), 'scripts/bundle.mjs'), this.#folder]);
    const file = path.join(this.#folder, OUTPUT, 'test', `${test}.test.js`);
    // In the long form, since a sample may miss the one case that notices.
    return await runTestFile(file, { timeoutMs: TEST_LIMIT_MS, signal: new AbortController().signal, env: { [FORM_VARIABLE]: 'long' } });
  }

  /** Removes it. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #output(file: string): string {
    return path.join(this.#folder, OUTPUT, file.replace(/\.ts$/, '.js'));
  }
}
