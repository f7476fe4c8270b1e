/** The manual pages that scripts/man.mjs makes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { buildProgram } from '../src/cli/command-line.js';
import { EXIT_CODES } from '../src/cli/exit-codes.js';
import { ended, type Ran, start } from './cli/program.js';
import { type Workbench, withWorkbench } from './e2e/server-under-test.js';
import { program } from './needs.js';
import { suite } from './suite.js';
import { projectRoot } from './tidy/source-tree.js';

const test = suite('man');
const FOLDER = 'man';

type Command = ReturnType<typeof buildProgram>;

/** Makes the pages; gives their texts by name. */
async function withPages(body: (pages: ReadonlyMap<string, string>, bench: Workbench) => Promise<void> | void): Promise<void> {
  await withWorkbench(async (bench) => {
    const folder = bench.path(FOLDER);
    const env = { ...process.env, SOURCE_DATE_EPOCH: '1764460800' };
    const { status, stderr } = spawnSync(process.execPath, ['scripts/man.mjs', folder], { cwd: projectRoot(), env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    await body(new Map(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')])), bench);
  });
}

function commandsOf(command: Command, above: readonly string[] = []): readonly { readonly name: string; readonly command: Command }[] {
  const names = [...above, command.name()];
  const shown = command.createHelp().visibleCommands(command);
  const inner = command.commands.filter((one) => shown.includes(one));
  return [{ name: names.join('-'), command }, ...inner.flatMap((one) => commandsOf(one, names))];
}

test('every command has a page with all of its options, and there is no other page', () => withPages((pages) => {
  const commands = commandsOf(buildProgram(() => undefined));
  assert.deepEqual([...pages.keys()].sort(), commands.map(({ name }) => `${name}.1`).sort());
  assert.ok(commands.length > 10);
  for (const { name, command } of commands) {
    const page = pages.get(`${name}.1`) ?? '';
    for (const { long, hidden } of command.options) {
      const flag = String(long).replaceAll('-', '\\-');
      const isTagged = page.split('\n').some((line) => line.startsWith('.B ') && line.split(/[ ,]+/).includes(flag));
      assert.equal(isTagged, !hidden, `${name} ${String(long)}`);
    }
    assert.match(page, /^\.TH "[A-Z\\-]+" 1 "2025-11-30" /);
  }
}));

test('the command man prints the page of a command, and refuses one that there is not', () => withPages(async (pages, bench) => {
  const man = async (...words: readonly string[]): Promise<Ran> => await ended(start(bench, ['man', ...words]));
  const undated = (page: string): string => page.replace(/ "\d{4}-\d\d-\d\d" /, ' ');
  const [whole, create, unknown] = await Promise.all([man(), man('projects', 'create'), man('projects', 'make')]);
  assert.equal(undated(whole.stdout), undated(pages.get('simplekv.1') ?? ''));
  assert.equal(undated(create.stdout), undated(pages.get('simplekv-projects-create.1') ?? ''));
  assert.match(unknown.stderr, /There is no command "projects make": "simplekv --help" lists all of them\n$/);
  assert.deepEqual([unknown.code, unknown.stdout], [EXIT_CODES.usage, '']);
}));

test('mandoc finds nothing to warn of', () => withPages((pages, bench) => {
  const files = [...pages.keys()].map((name) => bench.path(FOLDER, name));
  const { status, stdout, stderr } = spawnSync('mandoc', ['-Tlint', '-Wwarning', ...files], { encoding: 'utf8' });
  assert.deepEqual([status, stdout + stderr], [0, '']);
}), { needs: [program('mandoc')] });

test.run();
