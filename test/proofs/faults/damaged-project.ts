/**
 * A project with everything that a project can have on disk: sealed segments, one of them compressed, two generations of snapshots,
 * an active segment, a head, and the registry. What is done to its bytes, and how what is served then is judged.
 */
import { AppError } from '../../../src/base/app-error.js';
import { BUILT_IN_SETTINGS, BUILT_IN_STORAGE, type ProjectSettings } from '../../../src/events/project-settings.js';
import { FileHome } from '../../../src/log/file/file-home.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import { scrub } from '../../../src/offline/tasks/scrub.js';
import { ValueCache } from '../../../src/projections/value-cache.js';
import { openProject } from '../../../src/projects/open-project.js';
import { Registry } from '../../../src/projects/registry.js';
import { DEFAULT_STORE_LIMITS, logOptionsOf, type ProjectStore } from '../../../src/store/project-store.js';
import { AMPLE_SPACE } from '../../disk/ample-space.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { type CompactedProject, DATA, openCompacted, PROJECT } from '../../projects/compacted-project.js';
import { collectingLogger, CONTEXT, type LoggedLine, snapshotFolders } from '../../projects/lives-fixture.js';
import type { Version } from './ledger.js';
import { readAll } from './told.js';
import { readKey } from '../../store/read-key.js';

/** Smaller than settings allow, so that few bytes make many segments. */
const SEGMENT_BYTES = 1000;

/** A project at rest. */
export interface SampleProject {
  readonly disk: FaultDisk;
  readonly logId: string;
  readonly seq: number;
  /** What was acknowledged. */
  readonly versions: ReadonlyMap<string, Version>;
  /** Its files, each with its name relative to the data folder. */
  readonly files: readonly string[];
}

/** What came of opening what was damaged. */
export interface Verdict {
  /** Nothing was served. */
  readonly isRefused: boolean;
  /** It was reported: by the refusal, by the server log, by a read that was refused. */
  readonly isNoticed: boolean;
  /** What must not be: changed values, silent loss, a refusal that names no place. */
  readonly faults: readonly string[];
}

async function write(project: CompactedProject, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    await project.store.submit({ type: 'set', key: `k${number % 9}`, value: `{"n":${number}}` }, CONTEXT);
  }
}

/**
 * Makes the project.
 *
 * @returns it, closed in peace
 */
export async function sampleProject(): Promise<SampleProject> {
  const project = await openCompacted();
  project.log.configure(logOptionsOf(settingsFor(true).storage));
  await write(project, 1, 5);
  await project.compact();
  await project.log.sealed?.compress(project.log.sealed.list()[0]?.firstSeq ?? 0);
  await write(project, 6, 9);
  await project.store.submit({ type: 'delete', key: 'k2' }, CONTEXT);
  await project.compact();
  await write(project, 11, 13);
  const { store, log } = project;
  const [versions, { seq }, { logId }] = [await readAll(store), log.position(), log];
  await project.close();
  const disk = project.disk.crash();
  const files = [...disk.contents().keys()].map((place) => place.slice(DATA.length + 1)).sort();
  return { disk, logId, seq, versions, files };
}

function settingsFor(isCaching: boolean): ProjectSettings {
  const storage = { ...BUILT_IN_STORAGE, segment_bytes: SEGMENT_BYTES, cache_in_memory: isCaching };
  return { ...BUILT_IN_SETTINGS, storage };
}

/**
 * Opens the project on a disk that was tampered with, and reads all of it.
 *
 * @param sample what it was
 * @param disk what it is now; changed by this
 * @param isCaching whether values are read at the start or when they are asked for
 * @returns what came of it
 */
export async function judgeDamaged(sample: SampleProject, disk: FaultDisk, isCaching: boolean): Promise<Verdict> {
  const logged: LoggedLine[] = [];
  const logger = collectingLogger(logged);
  const home = new FileHome({ folder: DATA, disk, logger });
  const snapshots = snapshotFolders(disk, DATA)(PROJECT);
  const parts = { limits: DEFAULT_STORE_LIMITS, snapshots, cache: new ValueCache(), space: AMPLE_SPACE, logger };
  try {
    const opened = await openProject(PROJECT, { home, settings: settingsFor(isCaching), expectedLogId: sample.logId, ...parts });
    if (opened === undefined) return { isRefused: true, isNoticed: true, faults: [] };
    const faults = await compare(sample, opened.store);
    const isNoticed = logged.some(({ level }) => level === 'warn' || level === 'error') || opened.store.reads.damagedReads > 0;
    await opened.store.close();
    return { isRefused: false, isNoticed, faults };
  } catch (error) {
    return { isRefused: true, isNoticed: true, faults: refusalFaults(error) };
  } finally {
    await snapshots.close();
  }
}

async function compare({ versions, seq }: SampleProject, store: ProjectStore): Promise<string[]> {
  const faults = store.seq === seq ? [] : [`the log ends with seq ${store.seq} and not with ${seq}, and nothing reported it`];
  for (const key of store.values.keys({}, store.values.count + 1)) if (!versions.has(key)) faults.push(`"${key}" should not be there`);
  for (const [key, version] of versions) {
    try {
      const found = await readKey(store, key);
      const isSame = found?.value === version.value && found.seq === version.seq && found.timeMs === version.timeMs;
      if (!isSame) faults.push(`"${key}" is ${JSON.stringify(found)} and not ${JSON.stringify(version)}`);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'project_corrupt')) faults.push(`"${key}" cannot be read: ${String(error)}`);
    }
  }
  return faults;
}

/** A refusal says where. */
function refusalFaults(error: unknown): string[] {
  if (!(error instanceof AppError)) return [`it is refused with ${error instanceof Error ? error.stack : String(error)}`];
  const codes = ['project_corrupt', 'project_outdated', 'project_newer_format'];
  if (!codes.includes(error.code)) return [`it is refused with ${error.code}`];
  const isPlaced = error instanceof LogCorruptError || /"[^"]*\.(?:jsonl|gz|manifest|index|json)"/.test(error.message);
  return isPlaced ? [] : [`the refusal names no file: ${error.message}`];
}

/**
 * Opens the registry on a disk on which it was tampered with.
 *
 * @param sample what it was
 * @param disk what it is now; changed by this
 * @returns what came of it
 */
export async function judgeServerLog(sample: SampleProject, disk: FaultDisk): Promise<Verdict> {
  const logged: LoggedLine[] = [];
  const logger = collectingLogger(logged);
  const place = { diskHome: new FileHome({ folder: DATA, disk, logger }), snapshots: snapshotFolders(disk, DATA), logger };
  const registry = await Registry.open(place);
  if (registry === undefined) return { isRefused: true, isNoticed: true, faults: [] };
  const registration = registry.registrations.get(PROJECT);
  const isRight = registration?.state === 'live' && registration.logId === sample.logId;
  const faults = registry.isCorrupt || isRight ? [] : ['the project is registered otherwise, and nothing reported it'];
  const isNoticed = registry.isCorrupt || logged.some(({ level }) => level === 'warn' || level === 'error');
  await registry.close();
  return { isRefused: registry.isCorrupt, isNoticed, faults };
}

/**
 * Reads everything with the scrub.
 *
 * @param sample what it was
 * @param disk what it is now
 * @returns how many findings there are
 */
export async function countFindings({ logId }: SampleProject, disk: FaultDisk): Promise<number> {
  const { findings } = await scrub({ dataFolder: DATA, project: PROJECT, logId, bytesPerSecond: 0 }, disk);
  return findings.length;
}
