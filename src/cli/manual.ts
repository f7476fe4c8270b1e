/**
 * The manual pages: `simplekv` and one for each command, in the `man` macros of troff. They come from the table that the command line is
 * parsed with, so they and `--help` cannot differ.
 */
import type { Command } from 'commander';
import { UsageError } from './exit-codes.js';

/** A page of section 1. */
interface ManualPage {
  /** Such as `simplekv-projects-create`. */
  readonly name: string;
  readonly text: string;
}

/** The section of the manual that programs stand in. */
export const MANUAL_SECTION = 1;

const EXIT_STATUS = 'The commands exit with 0 if they succeed. docs/operations.md of the package has the other codes.';

/**
 * Makes all pages, that of the program first.
 *
 * @param program all commands; hidden ones have no page
 * @param date written into each page, such as `2026-11-30`
 */
export function manualPages(program: Command, date: string): readonly ManualPage[] {
  const edition = { date, source: `${program.name()} ${program.version() ?? ''}` };
  return commandsOf(program).map((entry) => ({ name: nameOf(entry.names), text: pageOf(entry, edition) }));
}

/**
 * The page of one command.
 *
 * @param words the command, such as `projects`, `create`; none: the program
 * @throws {UsageError} when there is no such command
 */
export function manualPage(program: Command, words: readonly string[], date: string): string {
  const page = manualPages(program, date).find(({ name }) => name === nameOf([program.name(), ...words]));
  if (page === undefined) {
    throw new UsageError(`There is no command ${JSON.stringify(words.join(' '))}: "${program.name()} --help" lists all of them`);
  }
  return page.text;
}

/** A command, and its names from the program on. */
interface Entry {
  readonly command: Command;
  readonly names: readonly string[];
}

function commandsOf(command: Command, above: readonly string[] = []): readonly Entry[] {
  const names = [...above, command.name()];
  return [{ command, names }, ...shownIn(command).flatMap((inner) => commandsOf(inner, names))];
}

function shownIn(command: Command): readonly Command[] {
  const shown = command.createHelp().visibleCommands(command);
  return command.commands.filter((inner) => shown.includes(inner));
}

function nameOf(names: readonly string[]): string {
  return names.join('-');
}

function pageOf({ command, names }: Entry, { date, source }: { readonly date: string; readonly source: string }): string {
  const name = nameOf(names);
  const inner = shownIn(command);
  const isProgram = names.length === 1;
  const related = isProgram ? inner.map((one) => nameOf([...names, one.name()])) : [nameOf(names.slice(0, -1))];
  return [
    `.TH ${quoted(name.toUpperCase())} ${MANUAL_SECTION} "${date}" ${quoted(source)}`,
    '.SH NAME', `${plain(name)} \\- ${plain(command.description())}`,
    '.SH SYNOPSIS', `.B ${plain(names.join(' '))}`, plain(command.usage()),
    '.SH DESCRIPTION', plain(sentence(command.description())),
    ...(inner.length === 0 ? [] : ['.SH COMMANDS']),
    ...inner.flatMap((one) => tagged(`${nameOf([...names, one.name()])}(${MANUAL_SECTION})`, one.description())),
    '.SH OPTIONS', ...command.createHelp().visibleOptions(command).flatMap(({ flags, description }) => tagged(flags, description)),
    ...notesOf(command),
    ...(isProgram ? ['.SH EXIT STATUS', EXIT_STATUS] : []),
    '.SH SEE ALSO', related.map((other) => `.BR ${plain(other)} (${MANUAL_SECTION})`).join(' ,\n'),
    '',
  ].join('\n');
}

/** What `--help` says below the options. */
function notesOf(command: Command): readonly string[] {
  const shown: string[] = [];
  const before = command.configureOutput();
  command.configureOutput({ writeOut: (text) => void shown.push(text) }).outputHelp();
  command.configureOutput(before);
  const notes = shown.join('').slice(command.helpInformation().length);
  const paragraphs = notes.split(/\n{2,}/).map((text) => text.trim()).filter((text) => text !== '');
  return paragraphs.flatMap((text, index) => [index === 0 ? '.SH NOTES' : '.PP', ...notesText(text)]);
}

/** Lines with columns stay as they are; others are filled. */
function notesText(text: string): readonly string[] {
  const lines = text.split('\n').map(plain);
  return text.includes('  ') ? ['.nf', ...lines, '.fi'] : lines;
}

function tagged(name: string, description: string): readonly string[] {
  return ['.TP', `.B ${plain(name)}`, plain(sentence(description))];
}

function sentence(phrase: string): string {
  return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}${phrase.endsWith('.') ? '' : '.'}`;
}

/** What is not to be read as a request or an escape of the formatter. */
function plain(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}

function quoted(text: string): string {
  return `"${plain(text).replaceAll('"', '\\(dq')}"`;
}
