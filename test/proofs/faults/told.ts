/** Everything that a server was asked for and has answered, project by project, and how one that is started later is judged by it. */
import { AppError } from '../../../src/base/app-error.js';
import type { Command, Expiry } from '../../../src/store/command.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { CONTEXT } from '../../projects/lives-fixture.js';
import { DATA, type FaultedLife } from './faulted-life.js';
import { claimedSeq, isRefusedForOneByte } from './left-on-disk.js';
import { type Change, Ledger, type Version } from './ledger.js';
import { readKey } from '../../store/read-key.js';

/** How long values are kept that expire. */
export const TTL_SECONDS = 86_400;

/** What is known of one project. */
export interface ToldProject {
  ledger: Ledger;
  /** Whether it exists. */
  presence: 'there' | 'gone' | 'unknown';
  /** Where its data is. */
  place: 'disk' | 'memory' | 'unknown';
  /**
   * What it was when it last set out for the disk. Where that failed, and nothing could be undone on a disk that is dead, this is
   * what comes back, since what was written to memory afterwards ends with the process in any case.
   */
  setOut?: Ledger;
  /** Power was lost since, and took any part of what had not been synced. */
  isPowerLost?: boolean;
}

/** What is known of a server. */
export class Told {
  readonly projects = new Map<string, ToldProject>();
  /** What should not have been, found while it ran. */
  readonly faults: string[] = [];

  /** The same, to go on from for itself. */
  copy(): Told {
    const copy = new Told();
    for (const [id, { ledger, ...rest }] of this.projects) copy.projects.set(id, { ...rest, ledger: ledger.copy() });
    return copy;
  }

  /**
   * The same after a loss of power, which may take what was not said to be durable.
   *
   * @param disk the disk as it was when power was lost: its lines and heads say as well how far the logs were durable
   * @returns what is known from there on
   */
  afterPowerLoss(disk: FaultDisk): Told {
    const copy = this.copy();
    for (const [id, told] of copy.projects) {
      told.isPowerLost = true;
      told.ledger.promise(claimedSeq(disk, id));
    }
    return copy;
  }

  /**
   * @param id a project's id
   * @returns what is known of it
   */
  of(id: string): ToldProject {
    const known = this.projects.get(id) ?? { ledger: new Ledger(), presence: 'unknown', place: 'unknown' };
    this.projects.set(id, known);
    return known;
  }

  /**
   * Asks for a change of a key, and notes how it ended.
   *
   * @param life the server
   * @param id the project's id
   * @param change what is asked for
   * @returns the code of the refusal, undefined where there was none
   */
  async ask(life: FaultedLife, id: string, change: Change): Promise<string | undefined> {
    const { ledger } = this.of(id);
    const store = life.served(id);
    if (store === undefined) return 'not_served';
    try {
      const { seq, hash, volatile: isVolatile } = await store.submit(commandOf(change), CONTEXT);
      // Without a line, there was nothing to change.
      if (hash !== undefined) ledger.note(change, { kind: 'acknowledged', seq, hash, timeMs: timeOf(store, change), isVolatile });
      return undefined;
    } catch (error) {
      const isRefused = error instanceof AppError && error.code !== 'outcome_unknown';
      ledger.note(change, { kind: isRefused ? 'refused' : 'unknown' });
      if (!(error instanceof AppError)) throw error;
      return error.code;
    }
  }

  /**
   * Checks that nothing of a project is shown that is not acknowledged, and everything that is.
   *
   * @param life the server
   * @param id the project's id
   */
  checkShown(life: FaultedLife, id: string): void {
    const store = life.served(id);
    if (store === undefined) return;
    const versions = new Map(keysOf(store).map((key) => [key, store.values.get(key)?.seq ?? 0]));
    this.faults.push(...this.of(id).ledger.shownFaults(versions).map((fault) => `${id}: ${fault}`));
  }

  /**
   * Judges a server that has just begun.
   *
   * @param life the server
   * @param disk its disk
   * @returns what is wrong, each in a line
   */
  async judge(life: FaultedLife, disk: FaultDisk): Promise<string[]> {
    const faults: string[] = [];
    for (const [id, told] of this.projects) faults.push(...(await judgeProject(life, disk, [id, told])).map((fault) => `${id}: ${fault}`));
    return faults;
  }

  /**
   * Takes over what a server that was started again has shown: what was uncertain before is settled.
   *
   * @param life the server, already judged
   */
  async settle(life: FaultedLife): Promise<void> {
    for (const [id, told] of this.projects) {
      const store = life.served(id);
      told.presence = store === undefined ? (life.resources.table.get(id) === undefined ? 'gone' : 'unknown') : 'there';
      if (store === undefined) continue;
      const found = await readAll(store);
      // What it set out with is there, and the receipts of the log in memory that it went on with are of no log any more.
      const { setOut } = told;
      if (told.place === 'unknown' && setOut !== undefined && faultsBy(setOut, told, found).length === 0) told.ledger = setOut.copy();
      delete told.setOut;
      told.place = store.isOnDisk ? 'disk' : 'memory';
      if (found.size === 0) told.ledger = new Ledger();
      else told.ledger.restart(found, { lastSeq: store.seq, isPowerLost: told.isPowerLost === true });
      delete told.isPowerLost;
    }
  }
}

function timeOf(store: ProjectStore, { key, parts = [] }: Change): number {
  const set = parts.find(({ kind }) => kind === 'set')?.key ?? key;
  return store.values.get(set)?.timeMs ?? 0;
}

function commandOf({ kind, key, value, parts = [] }: Change): Command {
  if (kind === 'set') return { type: 'set', key, value, ...expiryOf(value) };
  if (kind === 'batch') {
    return {
      type: 'batch',
      steps: parts.map((part) => (part.kind === 'set' ? { ...part, op: 'set', ...expiryOf(part.value) } : { op: 'delete', key: part.key })),
    };
  }
  if (kind === 'range') return { type: 'clear.range', range: { prefix: key } };
  return kind === 'delete' ? { type: 'delete', key } : { type: 'clear' };
}

/** Tells whether a value is set to expire, as every other one is: long after the life has ended. */
export function isExpiring(value: string): boolean {
  return /^"value \d*[13579] /.test(value);
}

function expiryOf(value: string): { readonly expiry?: Expiry } {
  return isExpiring(value) ? { expiry: { kind: 'after', seconds: TTL_SECONDS } } : {};
}

/** What expires must still do so, and nothing else. */
function expiryFaults(store: ProjectStore, found: ReadonlyMap<string, Version>): string[] {
  return [...found].flatMap(([key, { value }]) => {
    const expires = store.values.expiryOf(key) !== null;
    return expires === isExpiring(value) ? [] : [`"${key}" ${expires ? 'expires' : 'does not expire'} with the value ${value}`];
  });
}

function keysOf(store: ProjectStore): readonly string[] {
  return store.values.keys({}, store.values.count + 1);
}

/**
 * Reads every key of a project.
 *
 * @param store the project's store
 * @returns versions by key
 */
export async function readAll(store: ProjectStore): Promise<ReadonlyMap<string, Version>> {
  const found = new Map<string, Version>();
  for (const key of keysOf(store)) {
    const entry = await readKey(store, key);
    if (entry !== undefined) found.set(key, { value: entry.value, seq: entry.seq, timeMs: entry.timeMs });
  }
  return found;
}

async function judgeProject(life: FaultedLife, disk: FaultDisk, [id, told]: readonly [string, ToldProject]): Promise<string[]> {
  const registered = life.resources.table.get(id);
  if (registered === undefined) {
    if (told.presence === 'there') return ['is not there'];
    return told.presence === 'gone' && !disk.isFaulty ? leftovers(disk, id) : [];
  }
  // On a disk that fails a project may be refused; one that is served has to be right.
  if (registered.kind === 'refused') {
    const isExpected = disk.isFaulty || (told.isPowerLost === true && isRefusedForOneByte(disk, id));
    return isExpected ? [] : [`is refused: ${registered.project.reason}`];
  }
  if (told.presence === 'gone') return ['is there again'];
  const found = await readAll(registered.store);
  // What is in memory is gone with its process; while it moves it is uncertain whether it was still there.
  if (told.place !== 'disk' && found.size === 0) return [];
  if (told.place === 'memory') return ['has come back from memory'];
  const expiries = expiryFaults(registered.store, found);
  const allFaultsBy = (ledger: Ledger): string[] => [
    ...faultsBy(ledger, told, found), ...receiptFaults(disk, told, [id, ledger]), ...expiries,
  ];
  if (told.place === 'unknown' && told.setOut !== undefined && allFaultsBy(told.setOut).length === 0) return [];
  return allFaultsBy(told.ledger);
}

function faultsBy(ledger: Ledger, { isPowerLost }: ToldProject, found: ReadonlyMap<string, Version>): string[] {
  return isPowerLost === true ? ledger.faultsAfterLoss(found) : ledger.faults(found);
}

function leftovers(disk: FaultDisk, id: string): string[] {
  return [...disk.contents().keys()].filter((name) => new RegExp(`^${DATA}/${id}\\b`).test(name)).map((name) => `${name} is left`);
}

/**
 * Who holds a receipt finds its line in the active segment, where it has not been sealed since. A loss of power may have taken a line
 * that was not said to be durable, and the start may have put one of its own in the place of it.
 */
function receiptFaults(disk: FaultDisk, { isPowerLost }: ToldProject, [id, { receipts, durableSeq }]: readonly [string, Ledger]): string[] {
  if (disk.tree.find(`${DATA}/${id}.jsonl`) === undefined) return [];
  const lines = disk.bytesOf(`${DATA}/${id}.jsonl`).toString('utf8').split('\n');
  return lines.flatMap((line) => {
    const seq = Number(/^\{"seq":(\d+),/.exec(line)?.[1] ?? 0);
    const receipt = isPowerLost === true && seq > durableSeq ? undefined : receipts.get(seq);
    return receipt === undefined || line.endsWith(`,"hash":"${receipt}"}`) ? [] : [`the line of seq ${seq} is not the one of the receipt`];
  });
}
