/** Rules that need the text of a file and its name, but not its syntax. A rule takes files and gives offences. */
import type { SourceText } from './source-tree.js';

/** Characters in a line of code. */
export const LINE_LENGTH_MAX = 140;

/** Lines in a file. */
export const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 500;

/** Half of the source files have at most this many lines, and nine in ten at most that many. */
const SOURCE_LINES_MEDIAN_MAX = 150;
const SOURCE_LINES_P90_MAX = 300;

/** Names that say nothing about what is inside, alone or as the last word of a name. */
const EMPTY_NAME = /(?:^|-)(?:utils?|helpers?|common|misc|shared|stuff|lib)$/;
const INDEX_FILES_ALLOWED = ['src/client/index.ts'];

/** Put together here, so that this file does not offend its own rules. */
const UNFINISHED = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
const MACHINE_PATH = new RegExp(`(?<![\\w.~})-])/(?:${['wo' + 'rk', 'ro' + 'ot', 'Us' + 'ers', 'ho' + 'me/[a-z]+'].join('|')})(?:/|\\b)`);
const COMPILER_SILENCED = new RegExp(`@ts-(?:${['ig' + 'nore', 'no' + 'check'].join('|')})`);
const ERROR_EXPECTED = new RegExp('@ts-' + 'expect-error');

/** A rule: which of these files offend, each offence one line that begins with the file. */
export type TextRule = (files: readonly SourceText[]) => string[];

/** No file has a name that could hold anything; names are kebab-case. */
export const fileNames: TextRule = (files) => files.filter(isCode).flatMap(({ path }) => {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\..*$/, '');
  if (EMPTY_NAME.test(name)) return [`${path}: the name says nothing about what is inside`];
  if (name === 'index' && !INDEX_FILES_ALLOWED.includes(path)) return [`${path}: name it after what it exports`];
  return name === '' || /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: the name is not in kebab-case`];
});

/** No line of code is too long, has a tab or ends in blanks, and every file ends with one line feed. */
export const lineShape: TextRule = (files) => files.filter(isCode).flatMap(({ path, text }) => {
  const offences = text.split('\n').flatMap((line, index) => {
    const place = `${path}:${index + 1}`;
    if ([...line].length > LINE_LENGTH_MAX) return [`${place}: ${[...line].length} characters, over ${LINE_LENGTH_MAX}`];
    if (/[\t\r]/.test(line)) return [`${place}: a tab or a carriage return`];
    return / $/.test(line) ? [`${place}: blanks at the end`] : [];
  });
  if (!/[^\n]\n$/.test(text)) offences.push(`${path}: must end with one line feed`);
  return offences;
});

/** No file of code has two jobs' worth of lines. */
export const fileSize: TextRule = (files) => files.filter(isCode).flatMap(({ path, text }) => {
  const limit = path.startsWith('test/') ? TEST_LINES_MAX : SOURCE_LINES_MAX;
  const count = lineCount(text);
  return count > limit ? [`${path}: ${count} lines, over ${limit}`] : [];
});

/** Source files are small as a whole, not only each below the limit. */
export const sourceSizes: TextRule = (files) => {
  const counts = files.filter((file) => /^src\/.*\.ts$/.test(file.path)).map((file) => lineCount(file.text)).sort((a, b) => a - b);
  const median = counts[Math.floor(counts.length / 2)] ?? 0;
  const p90 = counts[Math.ceil(counts.length * 0.9) - 1] ?? 0;
  const offences: string[] = [];
  if (median > SOURCE_LINES_MEDIAN_MAX) offences.push(`src: the median file has ${median} lines, over ${SOURCE_LINES_MEDIAN_MAX}`);
  if (p90 > SOURCE_LINES_P90_MAX) offences.push(`src: one file in ten has ${p90} lines or more, over ${SOURCE_LINES_P90_MAX}`);
  return offences;
};

/** Nothing is left for later in a comment. */
export const unfinishedWords: TextRule = (files) => eachLine(files, (line) => {
  const word = UNFINISHED.exec(line)?.[0];
  return word === undefined ? null : `${word} belongs into an issue`;
});

/** Nothing points to a folder of the machine that it was written on. */
export const machinePaths: TextRule = (files) => eachLine(files, (line) => {
  const found = MACHINE_PATH.exec(line)?.[0];
  return found === undefined ? null : `the absolute path ${found}`;
});

/** What a text quotes from the program, or shows as a command, is checked where it is written. */
const QUOTED = /`[^`\n]*`/g;
const STILTED =
  /\b(?:nobody|somebody|whoever|superfluous|shall|lets go|as far as|(?:is|are|was|were|be|been|being) told|keys? of access)\b/i;

/** Everything but the history is written in plain technical English. */
export const stiltedWords: TextRule = (files) => files.filter(isProse).flatMap(({ path, text }) => {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, (block) => block.replace(/[^\n]/g, ''));
  return eachLine([{ path, text: prose.replace(QUOTED, '') }], (line) => {
    const word = STILTED.exec(line)?.[0];
    return word === undefined ? null : `"${word}": say it in plain technical English`;
  });
});

function isProse({ path }: SourceText): boolean {
  return path.endsWith('.md') || (isCode({ path, text: '' }) && !/^test\/tidy/.test(path));
}

/** No check of the compiler is switched off; a test may expect an error, since that is what it tests. */
export const compilerSilenced: TextRule = (files) => eachLine(files.filter(isCode), (line, { path }) => {
  if (COMPILER_SILENCED.test(line)) return 'a check of the compiler is switched off';
  return path.startsWith('src/') && ERROR_EXPECTED.test(line) ? 'a compiler error is expected in source' : null;
});

/** A contract is at least half prose: what may be relied on has to be said. */
export const contractProse: TextRule = (files) => files.filter(isContract).flatMap(({ path, text }) => {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const comments = lines.filter((line) => /^\s*(?:\/\*\*|\*|\/\/)/.test(line));
  const percent = Math.floor((100 * comments.length) / lines.length);
  return percent < 50 ? [`${path}: ${percent} % of a contract's lines are comments, under 50 %`] : [];
});

function isContract({ path }: SourceText): boolean {
  return path === 'src/log/log.ts' || path === 'src/projections/projection.ts';
}

function isCode({ path }: SourceText): boolean {
  return /\.(?:tsx?|mjs)$/.test(path) || path.startsWith('.ci/');
}

function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

function eachLine(files: readonly SourceText[], judge: (line: string, file: SourceText) => string | null): string[] {
  return files.filter(({ path }) => path !== 'package-lock.json').flatMap((file) => file.text.split('\n').flatMap((line, index) => {
    const offence = judge(line, file);
    return offence === null ? [] : [`${file.path}:${index + 1}: ${offence}`];
  }));
}
