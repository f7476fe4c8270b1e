/**
 * Fake projects for the HTTP tests. They keep the contract that routes rely on, and let a test make any step fail.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../src/base/app-error.js';
import { compareUtf8 } from '../../src/base/compare-utf8.js';
import { BUILT_IN_SETTINGS, mergeSettings, type ProjectSettings, type ProjectSettingsChange } from '../../src/events/project-settings.js';
import type { Backup } from '../../src/projects/backup.js';
import type {
  CompactionResult, NewProject, ProjectDetails, Projects, ServingState, ProjectWithKey, Readiness, RegeneratedKey,
} from '../../src/projects/projects.js';
import type { Checkpoint } from '../../src/events/checkpoint.js';
import { expiryAfter, keyChangesOf, type ProjectEvent, rangeOf, removesKey, setsValue } from '../../src/events/event.js';
import type { KeyRange } from '../../src/events/key-range.js';
import { versionTag } from '../../src/events/key-version.js';
import { RequestWindow } from '../../src/projections/requests/request-window.js';
import { decide } from '../../src/store/decide.js';
import { LINE_BYTES_MAX } from '../../src/log/log.js';
import { RepeatedRequests } from '../../src/store/repeated-requests.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import type { RedactionRequest, RedactionResult } from '../../src/projects/redaction.js';
import { EventFeed } from '../../src/store/event-feed.js';
import type { Command, CommandContext, CommandResult } from '../../src/store/command.js';
import { MemoryState } from '../../src/projects/past/memory-state.js';
import type { PastLease } from '../../src/store/past-state.js';
import type { HeldKeys } from '../../src/store/held-keys.js';
import { FakeApiKeys } from './fake-api-keys.js';
import { membersOf, type MembersPiece, type ReadPiece } from '../../src/store/project-reads.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import type { RateQuota } from '../../src/store/quota.js';

/** The entry of a key. */
export interface FakeEntry {
  readonly value: string;
  readonly seq: number;
  readonly tag: number;
  readonly timeMs: number;
  /** @default null */
  readonly expiresAtMs?: number | null;
}

type WholeEntry = FakeEntry & { readonly expiresAtMs: number | null };

/** A range, as routes build it. */
interface FakeRange {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
  readonly after?: string;
  readonly reverse?: boolean;
}

/** 2026-11-22T10:00:00.123Z */
export const FAKE_TIME_MS = 1_795_341_600_123;

/** Values in a Map, sorted on demand. */
export class FakeValues {
  readonly entries = new Map<string, FakeEntry>();
  /** Called before each piece of a listing. */
  onPiece: () => void = () => undefined;

  get(key: string): WholeEntry | undefined {
    const entry = this.entries.get(key);
    return entry && { ...entry, expiresAtMs: entry.expiresAtMs ?? null };
  }

  get count(): number {
    return this.entries.size;
  }

  get valueBytes(): number {
    return [...this.entries.values()].reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  }

  get contentBytes(): number {
    return [...this.entries.keys()].reduce((sum, key) => sum + Buffer.byteLength(key), this.valueBytes);
  }

  slice(range: FakeRange, limit: number): [string, WholeEntry][] {
    return this.keys(range, limit).map((key) => [key, this.get(key) ?? { value: 'null', seq: 0, tag: 0, timeMs: 0, expiresAtMs: null }]);
  }

  countIn(range: FakeRange): number {
    return this.keys(range, Infinity).length;
  }

  keys({ prefix = '', start, end, after, reverse = false }: FakeRange, limit: number): string[] {
    this.onPiece();
    const sorted = [...this.entries.keys()].sort(compareUtf8);
    if (reverse) sorted.reverse();
    const isBehind = (key: string): boolean => after === undefined || (reverse ? compareUtf8(key, after) < 0 : compareUtf8(key, after) > 0);
    const isWithin = (key: string): boolean =>
      key.startsWith(prefix) && (start === undefined || compareUtf8(key, start) >= 0) && (end === undefined || compareUtf8(key, end) < 0);
    return sorted.filter((key) => isWithin(key) && isBehind(key)).slice(0, limit);
  }
}

/** A store that honours preconditions and records the callers. */
export class FakeStore {
  readonly id: string;
  readonly logId: string;
  readonly values = new FakeValues();
  settings: ProjectSettings = BUILT_IN_SETTINGS;
  readonly lineBytesMax = LINE_BYTES_MAX;
  readonly requests = new RequestWindow();
  readonly redactions = { newest: undefined };
  readonly submitted: { readonly command: Command; readonly context: CommandContext }[] = [];
  /** Called before a command is executed; may throw or wait. */
  beforeSubmit: () => void | Promise<void> = () => undefined;
  volatile = false;
  seq = 1;
  readonly snapshot = null;
  readonly isOnDisk = true;
  readonly feed: EventFeed;

  get rates(): RateQuota | undefined {
    const { reads_per_second: reads, writes_per_second: writes } = this.settings.quota;
    return reads === null && writes === null ? undefined : this.settings.quota;
  }

  constructor(id: string, logId: string) {
    this.id = id;
    this.logId = logId;
    const log = new MemoryLog({ project: id, logId });
    void log.append([{ op: 'project.create', actor: 'anonymous', request: 'r', body: '"settings":{}' }], 0);
    this.feed = new EventFeed(() => log);
  }

  checkpoint(): Promise<Checkpoint> {
    const { hash } = this.feed.end;
    return Promise.resolve({ project: this.id, log_id: this.logId, seq: this.seq, hash, time: new Date(FAKE_TIME_MS).toISOString() });
  }

  get reads(): this {
    return this;
  }

  get(key: string): WholeEntry | undefined {
    return this.values.get(key);
  }

  get count(): number {
    return this.values.count;
  }

  countIn(range: FakeRange): number {
    return this.values.countIn(range);
  }

  keys(range: FakeRange, limit: number): string[] {
    return this.values.keys(range, limit);
  }

  load(_key: string, { value }: FakeEntry): string {
    return value;
  }

  readNames(range: FakeRange, limit: number): readonly string[] {
    return this.values.keys(range, limit);
  }

  async untilSorted(): Promise<void> {
    await Promise.resolve();
  }

  readMembers(range: FakeRange, limit: number): MembersPiece {
    const entries = this.values.slice(range, limit);
    return { text: membersOf(entries), lastKey: entries.at(-1)?.[0], isLast: entries.length < limit };
  }

  readPiece(range: FakeRange, limit: number): ReadPiece {
    const entries = this.values.slice(range, limit);
    return { entries, doneCount: entries.length, isLast: entries.length < limit };
  }

  readKeys(keys: readonly string[]): { entries: [string, WholeEntry][]; doneCount: number; isLast: boolean } {
    const entries = keys.flatMap((key): [string, WholeEntry][] => {
      const entry = this.values.get(key);
      return entry === undefined ? [] : [[key, entry]];
    });
    return { entries, doneCount: keys.length, isLast: true };
  }

  hold(keys: readonly string[]): Pick<HeldKeys, 'versions' | 'read' | 'release'> {
    const fixed = keys.map((key) => this.values.get(key));
    return {
      versions: fixed,
      read: (first) => {
        const entries = keys.slice(first).flatMap((key, at): [string, WholeEntry][] => {
          const entry = fixed[first + at];
          return entry === undefined ? [] : [[key, entry]];
        });
        return { entries, doneCount: keys.length - first, isLast: true };
      },
      release: () => undefined,
    };
  }

  /** No revert is remembered here. */
  recall(): undefined {
    return undefined;
  }

  async submit(command: Command, context: CommandContext): Promise<CommandResult> {
    await this.beforeSubmit();
    context.assertAllowed?.();
    const waiting = { command, context, sizeBytes: 0, resolve: () => undefined, reject: () => undefined };
    const known = context.fingerprint === undefined ? undefined : new RepeatedRequests(this.requests, FAKE_TIME_MS).find(waiting)?.decision;
    if (known?.accepted === false) throw known.refusal;
    if (known !== undefined && 'repeats' in known) return { ...known.repeats, volatile: this.volatile, isRepeated: true };
    this.submitted.push({ command, context: recorded(context) });
    if (command.type.startsWith('project.')) throw new Error(`No such command here: ${command.type}`);
    const { settings } = this;
    const versions = {
      versionOf: (key: string) => this.values.get(key)?.seq ?? 0, tagOf: (key: string) => this.values.get(key)?.tag,
      countIn: (range: KeyRange) => ({ all: this.values.countIn(range), visible: this.values.countIn(range) }),
      expiryOf: (key: string) => this.values.get(key)?.expiresAtMs ?? null, expiredKeys: () => [],
      valueBytesOf: (key: string) => Buffer.byteLength(this.values.get(key)?.value ?? ''), contentBytes: this.values.contentBytes,
    };
    const counts = { keyCount: this.values.count, visibleCount: this.values.count };
    const decision = decide({
      nowMs: FAKE_TIME_MS, ...counts, redactionSeq: 0, lastSeq: this.seq, settings, keyId: null, ...versions,
    }, command);
    if (!decision.accepted) throw decision.refusal;
    const { event, steps } = decision;
    const done = steps === undefined ? {} : { steps };
    const { count } = decision;
    if (event === undefined) return { seq: this.seq, hash: undefined, volatile: false, created: false, count, ...done };
    const { created, expiresAt } = decision;
    const result = this.#result({ created, count, ...done, ...(expiresAt !== undefined && { expiresAt }) });
    this.#remember(event, result, context);
    if (event.op === 'clear') this.values.entries.clear();
    if (event.op === 'clear.range') for (const key of this.values.keys(rangeOf(event), count)) this.values.entries.delete(key);
    for (const change of keyChangesOf(event)) {
      const value = setsValue(change) ? change.value : this.values.get(change.key)?.value ?? 'null';
      if (removesKey(change)) this.values.entries.delete(change.key);
      else this.values.entries.set(change.key, { ...entryOf(value, result), expiresAtMs: expiryAfter(change) });
    }
    return result;
  }

  #remember(
    event: ProjectEvent, { seq, hash = '', created, count }: CommandResult, { actor, requestId, fingerprint }: CommandContext,
  ): void {
    if (fingerprint === undefined) return;
    const effect = created ? 1 : count;
    this.requests.apply({ event, seq, hash, actor, timeMs: FAKE_TIME_MS }, requestId.slice('idem:'.length), effect);
    this.requests.setFingerprint(seq, fingerprint);
  }

  #result(part: Partial<CommandResult>): CommandResult {
    this.seq += 1;
    const hash = createHash('sha256').update(`${this.logId} ${this.seq}`).digest('hex');
    return { seq: this.seq, hash, volatile: this.volatile, created: false, count: 0, ...part };
  }
}

/** The part of a context that events contain. */
function recorded({ actor, requestId }: CommandContext): CommandContext {
  return { actor, requestId };
}

function entryOf(value: string, { seq, hash = '' }: CommandResult): FakeEntry {
  return { value, seq, tag: versionTag(hash), timeMs: FAKE_TIME_MS, expiresAtMs: null };
}

interface FakeProject {
  readonly identity: symbol;
  readonly store: FakeStore;
  settings: ProjectSettings;
  state: ServingState;
}

/** The pieces of a backup. */
export async function* fakePieces(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

/** Projects in memory. */
export class FakeProjects implements Projects {
  readonly apiKeys = new FakeApiKeys();
  readonly #projects = new Map<string, FakeProject>();
  /** Stores that replace the fake ones. */
  readonly realStores = new Map<string, ProjectStore>();
  /** Called with the name of each change before it is made; may throw or wait. */
  beforeChange: (name: string) => void | Promise<void> = () => undefined;
  /** The arguments of the last change. */
  lastChange: unknown;
  ready = true;
  /** What a backup is answered with. */
  madeBackup: Backup = { sizeBytes: 0, timeMs: FAKE_TIME_MS, pieces: () => fakePieces([]), release: () => undefined };
  /** The progress of startup. */
  startFacts = { started: 0, refused: 0, total: 0 };
  #made = 0;

  /** Adds a project directly. */
  add(id: string, change: ProjectSettingsChange = {}): FakeStore {
    this.#made += 1;
    const store = new FakeStore(id, createHash('md5').update(`${id} ${this.#made}`).digest('hex'));
    const settings = mergeSettings(BUILT_IN_SETTINGS, change);
    store.settings = settings;
    this.#projects.set(id, { identity: Symbol(id), store, settings, state: 'serving' });
    return store;
  }

  /** Removes a project directly. */
  remove(id: string): void {
    this.#projects.delete(id);
  }

  /** Changes the state of a project. */
  setState(id: string, state: ServingState): void {
    this.#find(id).state = state;
  }

  fakeStore(id: string): FakeStore {
    return this.#find(id).store;
  }

  store(id: string): ProjectStore {
    const { store, state } = this.#find(id);
    if (state === 'corrupt') throw new AppError('project_corrupt', 'The file "/secret/place" is damaged');
    const real = this.realStores.get(id);
    if (real !== undefined) return real;
    return store as unknown as ProjectStore;
  }

  identity(id: string): symbol | undefined {
    return this.#projects.get(id)?.identity;
  }

  details(id: string): ProjectDetails {
    const { store, settings, state } = this.#find(id);
    const time = new Date(FAKE_TIME_MS).toISOString();
    return {
      id,
      ...settings,
      created_at: time,
      updated_at: time,
      seq: store.seq,
      key_count: store.values.count,
      value_bytes: store.values.valueBytes,
      log_id: store.logId,
      state,
    };
  }

  get count(): number {
    return this.#projects.size;
  }

  list(): readonly ProjectDetails[] {
    return [...this.#projects.keys()].sort().map((id) => this.details(id));
  }

  async create(project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
    await this.#begin('create', { project, context });
    if (this.#projects.has(project.id)) throw new AppError('project_exists', `The project "${project.id}" exists`);
    this.add(project.id, project);
    const details = this.details(project.id);
    return { details, apiKey: details.authentication.enabled ? 'skv_p_made' : null };
  }

  async update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    await this.#begin('update', { id, change, context });
    const project = this.#find(id);
    const wasOpen = !project.settings.authentication.enabled;
    project.settings = mergeSettings(project.settings, change);
    project.store.settings = project.settings;
    return { details: this.details(id), apiKey: wasOpen && project.settings.authentication.enabled ? 'skv_p_made' : null };
  }

  async regenerateKey(id: string, context: CommandContext, overlapMs = 0): Promise<RegeneratedKey> {
    await this.#begin('regenerateKey', { id, overlapMs, context });
    return { apiKey: 'skv_p_another', otherKeys: [] };
  }

  async compact(id: string, context: CommandContext): Promise<CompactionResult> {
    await this.#begin('compact', { id, context });
    const { seq, values } = this.store(id);
    if (!this.#find(id).settings.storage.on_disk) throw new AppError('not_on_disk', `The project "${id}" has no snapshot`);
    return { seq, key_count: values.count, bytes: 2, duration_ms: 3 };
  }

  async pastState(id: string, seq: number, signal: AbortSignal): Promise<PastLease> {
    const { state } = await MemoryState.build(this.store(id).feed, seq, signal);
    return { state, release: () => undefined };
  }

  async redact(id: string, request: RedactionRequest, context: CommandContext): Promise<RedactionResult> {
    await this.#begin('redact', { id, request, context });
    const { seq, feed: { end: { hash } } } = this.store(id);
    const beyond = request.seqs.find((each) => each > seq);
    if (beyond !== undefined) throw new AppError('ahead_of_log', `No line ${beyond}`, { facts: { last_seq: seq } });
    return { line: { seq: seq + 1, hash }, erased: request.seqs, alreadyErased: [], withoutValue: [] };
  }

  async backup(id: string | undefined, context: CommandContext): Promise<Backup> {
    await Promise.resolve();
    context.assertAllowed?.();
    if (id !== undefined) this.store(id);
    if (id !== undefined && !this.#find(id).settings.storage.on_disk) throw new AppError('not_on_disk', `"${id}" is not on disk`);
    return this.madeBackup;
  }

  async delete(id: string, context: CommandContext): Promise<void> {
    await this.#begin('delete', { id, context });
    this.#find(id);
    this.#projects.delete(id);
  }

  progress(): { readonly started: number; readonly refused: number; readonly total: number } {
    return this.startFacts;
  }

  async refresh(): Promise<void> {
    await Promise.resolve();
  }

  get canWrite(): boolean {
    return this.ready;
  }

  readiness(): Readiness {
    const degraded = [...this.#projects].filter(([, { state }]) => state !== 'serving').map(([id, { state }]) => ({ id, state }));
    return { ready: this.ready, checks: [{ name: 'writable', ok: this.ready, detail: 'projects can write' }], degraded };
  }

  /** True when authentication is off. */
  isOpen(id: string): boolean {
    return this.#projects.get(id)?.settings.authentication.enabled === false;
  }

  get anyOpen(): boolean {
    return [...this.#projects.keys()].some((id) => this.isOpen(id));
  }

  async #begin<T extends { readonly context: CommandContext }>(name: string, asked: T): Promise<void> {
    await this.beforeChange(name);
    asked.context.assertAllowed?.();
    this.lastChange = { ...asked, context: recorded(asked.context) };
  }

  #find(id: string): FakeProject {
    const project = this.#projects.get(id);
    if (project === undefined) throw new AppError('project_not_found', `There is no project "${id}"`);
    return project;
  }
}
