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

/** What a request asks for one key. */
type Part = Pick<Operation, 'kind' | 'key' | 'value' | 'condition'>;

/** A request that is about to be sent. */
interface Asked {
  readonly id: string;
  readonly project: RecordedProject;
  readonly method: string;
  /** Below the project. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Differs from the value where a put is to be rejected. */
  readonly body: string | null;
  /** One, except of a batch and of a read of several keys. */
  readonly parts: readonly [Part, ...Part[]];
}

/** A version of a key that a client was shown. */
interface Shown {
  readonly tag: string;
  readonly seq: number;
  readonly value: string;
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
    const { events } = readLogFiles(dataFolder, this.id);
    const changes = events.flatMap(({ seq, hash, line, changes: made }) => {
      const { request } = JSON.parse(line) as { request: string };
      return made.map(({ key, value }) => ({ seq, key, value, hash, request }));
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
  readonly #shown = new Map<string, Shown>();
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
      const { id, project, method, target, headers, body, parts } = asked;
      const request = { key: project.apiKey, headers: { 'X-Request-Id': id, ...headers }, ...(body === null ? {} : { body }) };
      let answer: Answer;
      try {
        answer = await server.send(method, `/api/v1/projects/${project.id}/${target}`, request);
      } catch {
        for (const part of parts) project.unanswered({ id, ...part, begin, end: Number.POSITIVE_INFINITY, outcome: { kind: 'unknown' } });
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
    const keyIndex = Math.floor(this.#random() * options.keys);
    const choice = this.#random();
    if (choice > 0.85) {
      const keys = [0, 1].map((at) => `k${(keyIndex + at) % options.keys}`) as [string, string];
      return choice > 0.93 ? this.#batch({ id, project }, keys) : readOf({ id, project }, keys);
    }
    const key = `k${keyIndex}`;
    const put: Part = { kind: 'put', key, value: JSON.stringify(id), condition: null };
    const one = (part: Part, headers: Asked['headers'] = {}, body = part.value): Asked => (
      { id, project, method: part.kind.toUpperCase(), target: `keys/${key}`, headers, body, parts: [part] }
    );
    if (choice < 0.2) return one({ ...put, kind: 'get', value: null });
    if (choice < 0.26) return one({ ...put, kind: 'head', value: null });
    if (choice < 0.38) return one({ ...put, kind: 'delete', value: null });
    if (choice < 0.45) return one({ ...put, condition: { kind: 'absent' } }, { 'If-None-Match': '*' });
    if (choice < 0.47) return one(put, {}, BROKEN_BODY);
    const shown = this.#shown.get(`${project.id} ${key}`);
    if (choice > 0.65 || shown === undefined) return one(put);
    return one({ ...put, condition: { kind: 'match', seq: shown.seq, value: shown.value } }, { 'If-Match': shown.tag });
  }

  /** Sets a key, under a condition where one is known, and sets or deletes another one. */
  #batch({ id, project }: Pick<Asked, 'id' | 'project'>, [first, second]: readonly [string, string]): Asked {
    const shown = this.#random() < 0.5 ? this.#shown.get(`${project.id} ${first}`) : undefined;
    const condition: Condition | null = shown === undefined ? null : { kind: 'match', seq: shown.seq, value: shown.value };
    const isDeleted = this.#random() < 0.3;
    const parts: Asked['parts'] = [
      { kind: 'put', key: first, value: JSON.stringify(`${id}.0`), condition },
      { kind: isDeleted ? 'delete' : 'put', key: second, value: isDeleted ? null : JSON.stringify(`${id}.1`), condition: null },
    ];
    const ops = parts.map(({ kind, key, value }, index) => ({
      op: kind === 'put' ? 'set' : 'delete', key,
      ...(value === null ? {} : { value: JSON.parse(value) as string }), ...(index === 0 && shown ? { if_match: shown.tag } : {}),
    }));
    return { id, project, method: 'POST', target: 'batch', headers: {}, body: JSON.stringify({ ops }), parts };
  }

  #take({ id, project, body, parts, target }: Asked, begin: number, answer: Answer): void {
    const end = this.#recording.tick();
    const several = { batch: outcomesOfBatch, read: outcomesOfRead }[target];
    const outcomes = several === undefined ? [outcomeOf(parts[0], body, answer)] : several(answer, parts);
    for (const [index, part] of parts.entries()) {
      const outcome = outcomes[index] ?? assert.fail('each part has an outcome');
      project.answered({ id, ...part, begin, end, outcome });
      const value = outcome.kind === 'written' ? part.value : outcome.kind === 'found' ? outcome.value : null;
      const tag = answer.headers.etag;
      if (value === null || !('seq' in outcome) || tag === undefined) continue;
      this.#shown.set(`${project.id} ${part.key}`, { tag, seq: outcome.seq, value });
    }
  }
}

/** Reads keys at one moment. */
function readOf({ id, project }: Pick<Asked, 'id' | 'project'>, keys: readonly [string, string]): Asked {
  const [first, second] = keys.map((key): Part => ({ kind: 'get', key, value: null, condition: null })) as [Part, Part];
  return { id, project, method: 'POST', target: 'read', headers: {}, body: JSON.stringify({ keys, values: true }), parts: [first, second] };
}

function outcomesOfRead({ status, text }: Answer): readonly Outcome[] {
  assert.equal(status, 200, text);
  const { entries } = JSON.parse(text) as { entries: readonly { readonly seq: number; readonly value?: unknown }[] };
  return entries.map(({ seq, value }) => (seq === 0 ? { kind: 'absent' } : { kind: 'found', seq, value: JSON.stringify(value) }));
}

/** Of a batch that is refused, the answer says which part was, and nothing of the others. */
function outcomesOfBatch({ status, text }: Answer, parts: Asked['parts']): readonly Outcome[] {
  if (status === 412) {
    const { op_index: at, current_seq: seq } = JSON.parse(text) as { op_index: number; current_seq: number };
    return parts.map((_, index) => (index === at ? { kind: 'refused', seq } : { kind: 'rejected' }));
  }
  assert.equal(status, 200, text);
  const { seq, hash, results } = JSON.parse(text) as {
    seq: number; hash: string; results: readonly { readonly created?: boolean; readonly existed?: boolean }[];
  };
  return results.map(({ created = false, existed }) => (existed === false ? { kind: 'absent' } : { kind: 'written', seq, hash, created }));
}

/** Reads an answer; one that the contract does not have here is a failure of its own. */
function outcomeOf({ kind }: Part, body: string | null, answer: Answer): Outcome {
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
