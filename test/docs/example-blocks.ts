/** The shell examples of a document: what a reader pastes, and what the document shows that it prints. */
import assert from 'node:assert/strict';
import { fencedBlocks } from './documents.js';
import { hasCommands, ShellSession } from './shell-session.js';

/** One block of shell commands. */
export interface ExampleBlock {
  /** The name of a script that is to be saved as `<name>.sh`; empty for commands to paste. */
  readonly name: string;
  readonly commands: string;
  /** The block of text that follows; undefined if the next block is of another kind. */
  readonly shown: string | undefined;
}

/**
 * Finds the shell examples of a text.
 *
 * @param text Part of a document
 * @returns The blocks in their order
 */
export function exampleBlocks(text: string): readonly ExampleBlock[] {
  const blocks = fencedBlocks(text);
  return blocks.flatMap(({ language, name, text: commands }, index) => {
    const next = blocks[index + 1];
    return language === 'sh' ? [{ name, commands, shown: next?.language === 'text' ? next.text : undefined }] : [];
  });
}

/**
 * Replaces a text that a block must contain.
 *
 * @returns The block with the first occurrence replaced
 * @throws {AssertionError} When the block does not contain it
 */
export function substitute(block: string, [from, to]: readonly [from: string, to: string]): string {
  assert.ok(block.includes(from), `there is ${from} in\n${block}`);
  return block.replace(from, () => to);
}

/**
 * Runs a test in a shell, and ends the shell. Without bash and curl the test is skipped.
 *
 * @param folder Where the shell starts
 */
export async function withShell(folder: string, body: (shell: ShellSession) => Promise<void>): Promise<void> {
  if (!hasCommands(['curl'])) return;
  const shell = new ShellSession(folder);
  try {
    await body(shell);
  } finally {
    shell.close();
  }
}
