/** The scripted life of {@link life-script.ts} once more, lived by four projects of the real program at once, over HTTP. */
import type { Durability } from '../../../src/base/durability.js';
import type { Answer, ServerUnderTest } from '../../e2e/server-under-test.js';
import { type Change, Ledger, type Version } from './ledger.js';
import { isExpiring, type ToldProject, TTL_SECONDS } from './told.js';

/** Open, so that no key is needed. */
const OPEN = { enabled: false, save_api_key_to_file: false, api_key: null, api_key_hash: null } as const;

/** The projects of the configuration; two more are created. */
export const BINARY_PROJECTS = [
  { id: 'p', storage: { segment_bytes: 4096, retention: { max_bytes: 1500, compress: 'gzip' } }, authentication: OPEN },
  { id: 'r', storage: { segment_bytes: 4096 }, authentication: OPEN },
] as const;

/** Longest time between two syncs under `interval`, in milliseconds. */
const SYNC_INTERVAL_MS = 5;

/** The rest of the configuration. */
export function binarySettings(durability: Durability): object {
  return {
    default: {
      storage: { persistent_file_path: 'data/', compaction: { interval_seconds: 0 }, durability, sync_interval_ms: SYNC_INTERVAL_MS },
      authentication: OPEN,
    },
  };
}

const BASE = '/api/v1/projects';
const VALUE_CHARACTERS = 900;
const OK_BELOW = 300;
const INTERNAL_ERROR = 500;
const LISTED_MAX = 1000;

/** What clients of the program were answered. */
export class BinaryTold {
  readonly projects = new Map<string, ToldProject>();
  /** What should not have been answered. */
  readonly faults: string[] = [];
  /** How many requests were answered. */
  answers = 0;
  #values = 0;

  of(id: string): ToldProject {
    const known = this.projects.get(id) ?? { ledger: new Ledger(), presence: 'unknown', place: 'unknown' };
    this.projects.set(id, known);
    return known;
  }

  /** @param request method and target, as `GET /p/keys` */
  async #send(server: ServerUnderTest, request: string, body?: string): Promise<Answer> {
    const [method = '', target = ''] = request.split(' ');
    const answer = await server.send(method, `${BASE}${target}`, body === undefined ? {} : { body });
    this.answers += 1;
    return answer;
  }

  async change(server: ServerUnderTest, id: string, change: Change): Promise<void> {
    const { ledger } = this.of(id);
    const { kind, key } = change;
    let answer: Answer;
    try {
      answer = await this.#send(server, ...requestOf(id, change));
    } catch (error) {
      ledger.note(change, { kind: 'unknown' });
      throw error;
    }
    if (answer.status < OK_BELOW) {
      const { seq = 0, hash } = JSON.parse(answer.text) as { seq?: number; hash?: string };
      // Without a line, there was nothing to change.
      if (hash !== undefined) ledger.note(change, { kind: 'acknowledged', seq, hash, timeMs: 0 });
    } else {
      ledger.note(change, { kind: answer.text.includes('"outcome_unknown"') ? 'unknown' : 'refused' });
      if (answer.status === INTERNAL_ERROR) this.faults.push(`${kind} ${key} of ${id} was answered with ${answer.text}`);
    }
  }

  async set(server: ServerUnderTest, id: string, ...keys: readonly string[]): Promise<void> {
    const changes = keys.map((key) => this.#newSet(key));
    const outcomes = await Promise.allSettled(changes.map((change) => this.change(server, id, change)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Sets some keys and deletes others at once. */
  async batch(server: ServerUnderTest, id: string, keys: readonly string[], deleted: readonly string[] = []): Promise<void> {
    const parts = [...keys.map((key) => this.#newSet(key)), ...deleted.map((key) => ({ kind: 'delete', key, value: '' } as const))];
    await this.change(server, id, { kind: 'batch', key: parts.map(({ key }) => key).join(' '), value: '', parts });
  }

  #newSet(key: string): Change {
    this.#values += 1;
    return { kind: 'set', key, value: JSON.stringify(`value ${this.#values} ${key.repeat(VALUE_CHARACTERS)}`) };
  }

  /** Asks for something that is about a project and not about its keys. */
  async administer(server: ServerUnderTest, request: string, body?: object): Promise<boolean> {
    return (await this.#send(server, request, body === undefined ? undefined : JSON.stringify(body))).status < OK_BELOW;
  }

  async create(server: ServerUnderTest, id: string, onDisk: boolean): Promise<void> {
    const told = this.of(id);
    if (!(await this.administer(server, 'POST ', { id, storage: { on_disk: onDisk }, authentication: { enabled: false } }))) return;
    Object.assign(told, { presence: 'there', place: onDisk ? 'disk' : 'memory' });
  }

  async drop(server: ServerUnderTest, id: string): Promise<void> {
    const told = this.of(id);
    told.presence = 'unknown';
    if (await this.administer(server, `DELETE /${id}`)) told.presence = 'gone';
  }

  async move(server: ServerUnderTest, id: string, onDisk: boolean): Promise<void> {
    const told = this.of(id);
    told.place = 'unknown';
    if (onDisk) told.setOut = told.ledger.copy();
    if (await this.administer(server, `PUT /${id}`, { storage: { on_disk: onDisk } })) told.place = onDisk ? 'disk' : 'memory';
  }

  /**
   * Judges a program that has just begun.
   *
   * @param server the program
   * @returns what is wrong
   */
  async judge(server: ServerUnderTest): Promise<string[]> {
    const faults: string[] = [];
    for (const [id, told] of this.projects) faults.push(...(await this.#judgeProject(server, id, told)).map((fault) => `${id}: ${fault}`));
    return faults;
  }

  async #judgeProject(server: ServerUnderTest, id: string, told: ToldProject): Promise<string[]> {
    const answer = await this.#send(server, `GET /${id}/keys?values=false&limit=${LISTED_MAX}`);
    // Where nothing is open, a project that is not there is answered like one whose key is missing.
    if (answer.status === 404 || answer.status === 401) return told.presence === 'there' ? ['is not there'] : [];
    if (answer.status !== 200) return [`is answered with ${answer.text}`];
    if (told.presence === 'gone') return ['is there again'];
    const found = new Map<string, Version>();
    for (const key of JSON.parse(answer.text) as string[]) found.set(key, await this.#read(server, id, key));
    if (told.place !== 'disk' && found.size === 0) return [];
    if (told.place === 'memory') return ['has come back from memory'];
    if (told.place === 'unknown' && told.setOut?.faults(found).length === 0) return [];
    return told.ledger.faults(found);
  }

  async #read(server: ServerUnderTest, id: string, key: string): Promise<Version> {
    const { text, headers } = await this.#send(server, `GET /${id}/keys/${key}`);
    return { value: text, seq: Number(/^"(\d+)-/.exec(headers.etag ?? '')?.[1]), timeMs: 0 };
  }
}

/** The request that asks for a change, and its body. */
function requestOf(id: string, { kind, key, value, parts = [] }: Change): [request: string, body?: string] {
  if (kind === 'set') return [`PUT /${id}/keys/${key}${isExpiring(value) ? `?ttl_seconds=${TTL_SECONDS}` : ''}`, value];
  if (kind === 'range') return [`DELETE /${id}/keys?prefix=${key}`];
  if (kind !== 'batch') return [`DELETE /${id}/keys${kind === 'clear' ? '' : `/${key}`}`];
  const ops = parts.map((part) => {
    const op = { op: part.kind, key: part.key };
    if (part.kind !== 'set') return op;
    const expiry = isExpiring(part.value) ? { ttl_seconds: TTL_SECONDS } : {};
    return { ...op, value: JSON.parse(part.value) as string, ...expiry };
  });
  return [`POST /${id}/batch`, JSON.stringify({ ops })];
}

/**
 * Lives the script; rejects when the program is gone.
 *
 * @param server the program
 * @param told takes what it answers
 */
export async function liveBinary(server: ServerUnderTest, told: BinaryTold): Promise<void> {
  for (const { id } of BINARY_PROJECTS) Object.assign(told.of(id), { presence: 'there', place: 'disk' });
  const lives = await Promise.allSettled([liveP(server, told), liveM(server, told), liveQ(server, told), liveR(server, told)]);
  for (const life of lives) if (life.status === 'rejected') throw life.reason;
}

/** Rotations, snapshots, compression, removal, a new key, values on disk and in memory. */
async function liveP(server: ServerUnderTest, told: BinaryTold): Promise<void> {
  await told.set(server, 'p', 'a', 'b');
  await told.batch(server, 'p', ['c', 'd', 'e'], ['b']);
  await told.set(server, 'p', 'a');
  await told.administer(server, 'POST /p/compact');
  await told.change(server, 'p', { kind: 'delete', key: 'b', value: '' });
  await told.set(server, 'p', 'f', 'g');
  await told.batch(server, 'p', ['a', 'h'], ['g']);
  await told.administer(server, 'POST /p/compact');
  await told.administer(server, 'PUT /p', { storage: { cache_in_memory: false } });
  await told.set(server, 'p', 'c', 'i');
  await told.set(server, 'p', 'j');
  await told.administer(server, 'POST /p/compact');
  await told.administer(server, 'PUT /p', { storage: { cache_in_memory: true } });
  await told.administer(server, 'POST /p/api-key/regenerate');
  await told.set(server, 'p', 'd', 'k');
}

/** From memory to the disk and back. */
async function liveM(server: ServerUnderTest, told: BinaryTold): Promise<void> {
  await told.create(server, 'm', false);
  await told.batch(server, 'm', ['x', 'y']);
  await told.move(server, 'm', true);
  await told.set(server, 'm', 'x');
  await told.move(server, 'm', false);
}

/** A creation and a deletion. */
async function liveQ(server: ServerUnderTest, told: BinaryTold): Promise<void> {
  await told.create(server, 'q', true);
  await told.set(server, 'q', 'k');
  await told.change(server, 'q', { kind: 'clear', key: '', value: '' });
  await told.set(server, 'q', 'l');
  await told.drop(server, 'q');
}

/** Rotations beside those of the others. */
async function liveR(server: ServerUnderTest, told: BinaryTold): Promise<void> {
  for (const key of ['a', 'b', 'a', 'c', 'b', 'd']) await told.set(server, 'r', key, `${key}${key}`);
  await told.administer(server, 'POST /r/compact');
  await told.change(server, 'r', { kind: 'range', key: 'a', value: '' });
  await told.batch(server, 'r', ['a', 'e'], ['b']);
}
