/**
 * Records histories: clients that write and read a few keys of several projects at once through the real program, which is killed and
 * started again in between. What they are answered is kept with the order of beginnings and ends, and the logs are read after each start.
 */
import assert from 'node:assert/strict';
import { randomFrom } from '../../e2e/kill-loop.js';
import { readLogFiles } from '../../e2e/log-files.js';
import type { Answer, ServerUnderTest, Workbench } from '../../e2e/server-under-test.js';
import type { Condition, History, LogReading, Operation, Outcome } from './history.js';

/** How a history is made. */
export interface RecordOptions {
  /** The same seed gives the same choices; how they fall together is the machine's doing. */
  readonly seed: number;
  /** Requests to be sent, all lives together. */
  readonly operations: number;
  /** Each of them goes from project to project. */
  readonly clients: number;
  /** Served at once; each has a history of its own. */
  readonly projects: number;
  /** Of each project. */
  readonly keys: number;
  /** How often the program is killed before the last request. */
  readonly kills: number;
  /** Settings of the projects' storage. */
  readonly storage?: object;
}

/** Text that is no JSON. */
const BROKEN_BODY = '{"broken":';

/** A request that is about to be sent. */
interface Asked extends Pick<Operation, 'id' | 'kind' | 'key' | 'value' | 'condition'> {
  readonly project: RecordedProject;
  readonly headers: Readonly<Record<string, string>>;
  /** Differs from the value where a put is to be rejected. */
  readonly body: string | null;
}

/** The history of one project, as it grows. */
class RecordedProject {
  readonly id: string;
  /** Opens the project. */
  apiKey = '';
  readonly #operations: Operation[] = [];
  readonly #readings: LogReading[] = [];
  #unanswered: Operation[] = [];

  constructor(id: string) {
    this.id = id;
  }

  answered(operation: Operation): void {
    this.#operations.push(operation);
  }

  /** A read that was not answered says nothing; a write may have happened. */
  unanswered(operation: Operation): void {
    if (operation.value !== null || operation.kind === 'delete') this.#unanswered.push(operation);
  }

  /** The process is dead: what it has not done by now it will never do. */
  died(tick: () => number): void {
    for (const operation of this.#unanswered) this.#operations.push({ ...operation, end: tick() });
    this.#unanswered = [];
  }

  /** Reads the log, to which nothing is written meanwhile. */
  readLog(dataFolder: string, at: number): void {
    const changes = readLogFiles(dataFolder, this.id).events.flatMap(({ seq, op, key, value, hash, line }) => {
      if (op !== 'set' && op !== 'delete') return [];
      return [{ seq, key: key ?? '', value, hash, request: (JSON.parse(line) as { request: string }).request }];
    });
    this.#readings.push({ at, changes });
  }

  history(): History {
    return { operations: this.#operations, readings: this.#readings };
  }
}

/** What all clients share. */
class Recording {
  readonly options: RecordOptions;
  readonly projects: readonly RecordedProject[];
  #clock = 0;
  #sent = 0;

  constructor(options: RecordOptions) {
    this.options = options;
    this.projects = Array.from({ length: options.projects }, (_, index) => new RecordedProject(`p${index}`));
  }

  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  /** Counts a request that is about to be sent. */
  send(): void {
    this.#sent += 1;
  }

  get sent(): number {
    return this.#sent;
  }
}

/** One client: a request at a time. */
class Client {
  readonly #name: string;
  readonly #random: () => number;
  readonly #recording: Recording;
  /** For each key of each project the version that this client was shown last. */
  readonly #shown = new Map<string, { readonly tag: string; readonly seq: number; readonly value: string }>();
  #count = 0;

  constructor(index: number, recording: Recording) {
    this.#name = `c${index}`;
    this.#random = randomFrom(recording.options.seed + index + 1);
    this.#recording = recording;
  }

  /** Goes on until so many requests have been sent by all clients together, or the server is gone. */
  async run(server: ServerUnderTest, sentMax: number): Promise<void> {
    while (this.#recording.sent < sentMax) {
      this.#recording.send();
      const asked = this.#choose();
      const begin = this.#recording.tick();
      const { project } = asked;
      const request = { key: project.apiKey, headers: { 'X-Request-Id': asked.id, ...asked.headers } };
      let answer: Answer;
      try {
        const target = `/api/v1/projects/${project.id}/keys/${asked.key}`;
        answer = await server.send(asked.kind.toUpperCase(), target, asked.body === null ? request : { ...request, body: asked.body });
      } catch {
        project.unanswered(operationOf(asked, { begin, end: Number.POSITIVE_INFINITY, outcome: { kind: 'unknown' } }));
        return;
      }
      this.#take(asked, begin, answer);
    }
  }

  #choose(): Asked {
    this.#count += 1;
    const id = `${this.#name}-${this.#count}`;
    const { projects, options } = this.#recording;
    const project = projects[Math.floor(this.#random() * projects.length)] ?? assert.fail('there is a project');
    const key = `k${Math.floor(this.#random() * options.keys)}`;
    const value = JSON.stringify(id);
    const put = { id, project, kind: 'put' as const, key, value, condition: null, headers: {}, body: value };
    const bare = { ...put, value: null, body: null };
    const choice = this.#random();
    if (choice < 0.25) return { ...bare, kind: 'get' };
    if (choice < 0.32) return { ...bare, kind: 'head' };
    if (choice < 0.45) return { ...bare, kind: 'delete' };
    if (choice < 0.53) return { ...put, condition: { kind: 'absent' }, headers: { 'If-None-Match': '*' } };
    if (choice < 0.55) return { ...put, body: BROKEN_BODY };
    const shown = this.#shown.get(`${project.id} ${key}`);
    if (choice > 0.75 || shown === undefined) return put;
    const condition: Condition = { kind: 'match', seq: shown.seq, value: shown.value };
    return { ...put, condition, headers: { 'If-Match': shown.tag } };
  }

  #take(asked: Asked, begin: number, answer: Answer): void {
    const outcome = outcomeOf(asked, answer);
    asked.project.answered(operationOf(asked, { begin, end: this.#recording.tick(), outcome }));
    const value = outcome.kind === 'written' ? asked.value : outcome.kind === 'found' ? outcome.value : null;
    if (value === null || !('seq' in outcome)) return;
    this.#shown.set(`${asked.project.id} ${asked.key}`, { tag: String(answer.headers.etag), seq: outcome.seq, value });
  }
}

function operationOf(
  { id, kind, key, value, condition }: Asked, rest: Pick<Operation, 'begin' | 'end' | 'outcome'>,
): Operation {
  return { id, kind, key, value, condition, ...rest };
}

/** Reads an answer; one that the contract does not have here is a failure of its own. */
function outcomeOf({ kind, body }: Asked, answer: Answer): Outcome {
  const { status, text } = answer;
  const tagSeq = Number(/^"(\d+)-[0-9a-f]{8}"$/.exec(String(answer.headers.etag))?.[1] ?? 0);
  if (kind === 'get' || kind === 'head') {
    if (status === 404) return { kind: 'absent' };
    assert.ok(status === 200 && tagSeq > 0, `${kind}: ${status} ${text}`);
    return { kind: 'found', seq: tagSeq, value: kind === 'get' ? text : null };
  }
  if (status === 412) {
    const { current_seq: seq } = JSON.parse(text) as { current_seq: number };
    assert.equal(seq, tagSeq, `the tag of a refusal names the version that its document names: ${text}`);
    return { kind: 'refused', seq };
  }
  if (kind === 'delete' && status === 404) return { kind: 'absent' };
  if (body === BROKEN_BODY && status === 400) return { kind: 'rejected' };
  assert.ok(status === 200 || (kind === 'put' && status === 201), `${kind}: ${status} ${text}`);
  const { seq, hash } = JSON.parse(text) as { seq: number; hash: string };
  if (kind === 'put') assert.equal(tagSeq, seq, 'the tag of a write names its seq');
  return { kind: 'written', seq, hash, created: status === 201 };
}

/**
 * Records histories, one for each project, on one clock.
 *
 * @param bench a fresh folder
 * @param options how long and how wild
 * @returns what clients saw of each project, and what its log held
 */
export async function recordHistories(bench: Workbench, options: RecordOptions): Promise<readonly History[]> {
  const random = randomFrom(options.seed);
  const recording = new Recording(options);
  const { projects } = recording;
  bench.configure(projects.map(({ id }) => ({ id, storage: options.storage ?? {} })));
  const clients = Array.from({ length: options.clients }, (_, index) => new Client(index, recording));
  const kills = Array.from({ length: options.kills }, () => Math.ceil(random() * options.operations)).sort((a, b) => a - b);
  let server = await bench.start();
  for (const project of projects) project.apiKey = server.key(project.id);
  for (const sentMax of [...kills, Number.POSITIVE_INFINITY]) {
    const isLast = sentMax === Number.POSITIVE_INFINITY;
    // The others are in flight when one has sent the last request of a life, and the kill strikes among them.
    const running = clients.map((client) => client.run(server, isLast ? options.operations : sentMax));
    await (isLast ? Promise.all(running) : Promise.race(running));
    await server.kill();
    await Promise.all(running);
    server = await bench.start();
    for (const project of projects) {
      project.died(() => recording.tick());
      project.readLog(bench.path('data'), recording.tick());
    }
  }
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  return projects.map((project) => project.history());
}
