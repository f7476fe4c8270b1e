/** The table of commands and options. */
import assert from 'node:assert/strict';
import { buildProgram } from '../../src/cli/command-line.js';
import { suite } from '../suite.js';

const test = suite('cli/command-line');

/** Commands that print no result, or one whose form is what they are for. */
const FORMLESS = ['serve', 'openapi', 'completion', '__complete', 'man'];

type Command = ReturnType<typeof buildProgram>;

function commandsIn(command: Command, above = ''): readonly { readonly name: string; readonly command: Command }[] {
  return command.commands.flatMap((inner) => {
    const name = `${above}${inner.name()}`;
    return inner.commands.length > 0 ? commandsIn(inner, `${name} `) : [{ name, command: inner }];
  });
}

test('each command takes --json and --jsonl, but not both, and only those that print no result take neither', () => {
  const commands = commandsIn(buildProgram(() => undefined));
  assert.ok(commands.length > 30);
  for (const { name, command } of commands) {
    const forms = command.options.filter(({ long }) => long === '--json' || long === '--jsonl');
    assert.deepEqual(forms.map(({ long }) => long), FORMLESS.includes(name) ? [] : ['--json', '--jsonl'], name);
    assert.ok(forms.length === 0 || command.helpInformation().includes('--jsonl '), name);
  }
  const names = commands.map(({ name }) => name);
  assert.deepEqual(FORMLESS.filter((name) => !names.includes(name)), []);
});

test('both forms together are refused by each command', async () => {
  for (const { name, command } of commandsIn(buildProgram(() => undefined)).filter((one) => !FORMLESS.includes(one.name))) {
    const said: string[] = [];
    command.configureOutput({ outputError: (text) => void said.push(text) });
    const values = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [long ?? '', 'x']);
    const words = command.registeredArguments.map(() => 'x');
    await assert.rejects(command.parseAsync(['--json', '--jsonl', ...values, ...words], { from: 'user' }), { exitCode: 1 }, name);
    assert.match(said.join(''), /'--json' cannot be used with option '--jsonl'/, name);
  }
});

test.run();
