/** A running server whose configuration a test edits and reloads. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import type { ConfigDocument, ProjectEntry } from '../../src/config/config-document.js';
import { type Answer, type ServerUnderTest, type StartOptions, withWorkbench, type Workbench } from '../e2e/server-under-test.js';

/** The answer to a reload. */
export interface Reloaded {
  readonly changed: readonly string[];
  readonly needs_restart: readonly string[];
  readonly projects: readonly { readonly id: string; readonly outcome: string; readonly changed?: readonly string[] }[];
}

/** A server and its configuration. */
export class ReloadBench {
  readonly bench: Workbench;
  readonly globalKey = generateApiKey('global');
  #server: ServerUnderTest | undefined;

  constructor(bench: Workbench) {
    this.bench = bench;
  }

  get server(): ServerUnderTest {
    return this.#server ?? assert.fail('the server was not started');
  }

  /** Writes a configuration with a known global key, and starts the server. */
  async start(projects: readonly ProjectEntry[], settings: object = {}, options: StartOptions = {}): Promise<void> {
    const authentication = { api_key_hash: hashGenerated(this.globalKey) };
    this.bench.configure(projects, { ...settings, default: { storage: { persistent_file_path: 'data/' }, authentication } });
    this.#server = await this.bench.start(options);
  }

  /** Starts the server again. */
  async restart(): Promise<void> {
    this.#server = await this.bench.start();
  }

  /** The configuration as it is on disk. */
  get document(): ConfigDocument {
    return JSON.parse(this.text) as ConfigDocument;
  }

  get text(): string {
    return readFileSync(this.bench.configPath, 'utf8');
  }

  /** Edits the configuration by hand, in place. */
  edit(change: (document: ConfigDocument) => object): void {
    writeFileSync(this.bench.configPath, JSON.stringify(change(this.document), null, 2));
  }

  /** Edits the entry of a project. */
  editEntry(id: string, change: (entry: ProjectEntry) => ProjectEntry): void {
    this.edit((document) => ({ ...document, projects: document.projects.map((entry) => (entry.id === id ? change(entry) : entry)) }));
  }

  /** Asks with the global key. */
  async ask(method: string, target: string, body?: unknown): Promise<Answer> {
    return await this.server.send(method, `/api/v1${target}`, {
      key: this.globalKey, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Reloads, which is to succeed. */
  async reload(body?: object): Promise<Reloaded> {
    const answer = await this.ask('POST', '/reload', body);
    assert.equal(answer.status, 200, answer.text);
    return JSON.parse(answer.text) as Reloaded;
  }

  /** Edits and reloads. */
  async take(change: (document: ConfigDocument) => object): Promise<Reloaded> {
    this.edit(change);
    return await this.reload();
  }
}

/** Runs a test with a folder of its own. */
export async function withReloads(body: (reloads: ReloadBench) => Promise<void>): Promise<void> {
  await withWorkbench((bench) => body(new ReloadBench(bench)));
}
