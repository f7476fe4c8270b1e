/** A folder with a configuration and a data folder, and the whole server over it, in this process, with real HTTP. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { checkAnswer } from '../api/check-answer.js';
import type { ConfigDocument, ProjectEntry } from '../../src/config/config-document.js';
import type { FirstRun } from '../../src/config/announcer.js';
import { SimpleKvServer } from '../../src/server.js';
import { inFolder } from '../config/config-folder.js';
import { InlineTasks } from '../offline/tasks/inline-tasks.js';
import { collectingLogger, entryOf, type LoggedLine } from './lives-fixture.js';

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as an object; empty where there is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What is sent. */
export interface Sent {
  readonly key?: string | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A document whose members may be anything that a person may write. */
export type WrittenConfig = Readonly<Record<string, unknown>> & { readonly projects: readonly unknown[] };

/** The folder; the server in it is started and stopped by the test. */
export class ServedFolder {
  readonly folder: string;
  readonly logged: LoggedLine[] = [];
  /** Keys that were shown, newest last, by scope: `global` or a project's id. */
  readonly shown: { readonly scope: string; readonly key: string }[] = [];
  readonly firstRuns: FirstRun[] = [];
  #server: SimpleKvServer | undefined;
  #url = '';

  readonly #configName: string;

  /**
   * @param folder An empty folder
   * @param configName The configuration's name in it
   */
  constructor(folder: string, configName: string) {
    this.folder = folder;
    this.#configName = configName;
  }

  get configPath(): string {
    return path.join(this.folder, this.#configName);
  }

  get dataFolder(): string {
    return path.join(this.folder, 'data');
  }

  /** Where it listens. */
  get url(): string {
    return this.#url;
  }

  /** Writes a configuration as a person does, on a free port. */
  async write(config: WrittenConfig): Promise<void> {
    const document = { version: 1, server_port: 0, ...config };
    await writeFile(this.configPath, JSON.stringify(document, null, 2), { mode: 0o600 });
  }

  /** The configuration as it stands in the file. */
  async document(): Promise<ConfigDocument> {
    return JSON.parse(await readFile(this.configPath, 'utf8')) as ConfigDocument;
  }

  /** A project's entry as it stands in the file. */
  async entry(id: string): Promise<ProjectEntry> {
    return entryOf(await this.document(), id);
  }

  /** Edits the configuration as a person does. */
  async edit(change: (document: ConfigDocument) => ConfigDocument): Promise<void> {
    await writeFile(this.configPath, JSON.stringify(change(await this.document())));
  }

  /** Edits a project's entry as a person does. */
  async editEntry(id: string, change: (entry: ProjectEntry) => object): Promise<void> {
    await this.edit((document) => ({
      ...document,
      projects: document.projects.map((entry) => (entry.id === id ? (change(entry) as ProjectEntry) : entry)),
    }));
  }

  /** Starts the server; fails as its start does. */
  async start(): Promise<void> {
    const server = new SimpleKvServer({
      configPath: this.configPath,
      announcer: {
        firstRun: (first) => {
          this.firstRuns.push(first);
          this.shown.push({ scope: 'global', key: first.globalKey }, { scope: first.project, key: first.projectKey });
        },
        generatedKey: (scope, key) => void this.shown.push({ scope: scope.kind === 'global' ? 'global' : scope.project, key }),
      },
      createLogger: () => collectingLogger(this.logged),
      // A thread costs more than all the rest of a stop.
      createTasks: () => new InlineTasks(),
      pid: 1,
    });
    this.#url = (await server.start()).url;
    this.#server = server;
  }

  /** Stops the server. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }

  /** Stops the server, lets something happen to the folder, and starts it again. */
  async restart(between: () => Promise<void> = async () => undefined): Promise<void> {
    await this.stop();
    await between();
    await this.start();
  }

  /** The key that was shown last for a scope. */
  key(scope: string): string {
    return this.shown.findLast((shown) => shown.scope === scope)?.key ?? assert.fail(`no key of "${scope}" was shown`);
  }

  /** Asks below `/api/v1`. */
  async ask(method: string, target: string, { key, body, headers = {} }: Sent = {}): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1${target}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    checkAnswer(method, `/api/v1${target}`, { status: response.status, headers: Object.fromEntries(response.headers), text });
    const parsed: unknown = text === '' ? {} : JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return { status: response.status, headers: response.headers, text, body: isObject ? (parsed as Record<string, unknown>) : {} };
  }

  /** Creates a project with the global key. @returns its key */
  async create(id: string, settings: object = {}): Promise<string> {
    const { status, body } = await this.ask('POST', '/projects', { key: this.key('global'), body: { id, ...settings } });
    assert.equal(status, 201, JSON.stringify(body));
    return String(body['api_key']);
  }

  /** Gives a key of a project a value. */
  async set(id: string, pair: readonly [name: string, value: unknown], key?: string): Promise<Answer> {
    const answer = await this.ask('PUT', `/projects/${id}/keys/${pair[0]}`, { key, body: pair[1] });
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
    return answer;
  }

  /** The status of reading a project with a key. */
  async statusFor(id: string, key?: string): Promise<number> {
    return (await this.ask('GET', `/projects/${id}`, { key })).status;
  }

  /** Lines of a log, each parsed. */
  async lines(name: string): Promise<Record<string, unknown>[]> {
    const text = await readFile(path.join(this.dataFolder, `${name}.jsonl`), 'utf8');
    return text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Every file below the data folder but the lock, with its content. */
  async dataFiles(): Promise<Map<string, string>> {
    const files = new Map<string, string>();
    for (const name of (await readdir(this.dataFolder, { recursive: true })).sort()) {
      const file = path.join(this.dataFolder, name);
      if ((await stat(file)).isFile()) files.set(name, await readFile(file, 'latin1'));
    }
    return files;
  }

  /** What was logged of a project at some level. */
  loggedOf(project: string, level: string): string[] {
    return this.logged.filter((line) => line.project === project && line.level === level).map(({ msg }) => msg);
  }
}

/**
 * Runs a test in a folder of its own and stops what it left running.
 *
 * @param body The test
 * @param configName The configuration's name
 */
export async function withServedFolder(body: (served: ServedFolder) => Promise<void>, configName = 'config.json'): Promise<void> {
  await inFolder(async (folder) => {
    const served = new ServedFolder(folder, configName);
    try {
      await body(served);
    } finally {
      await served.stop();
    }
  });
}

/**
 * Runs a test with a server that has made its global key and the key of one project, "shop".
 *
 * @param body The test
 */
export async function withShop(body: (served: ServedFolder) => Promise<void>): Promise<void> {
  await withServedFolder(async (served) => {
    await served.write({ projects: [{ id: 'shop' }] });
    await served.start();
    await body(served);
  });
}
