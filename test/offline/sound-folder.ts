/** A sound data folder in memory: a project of three segments with two snapshots, and the registry. */
import type { AnyEvent } from '../../src/events/event.js';
import { buildGeneration } from '../../src/offline/tasks/build-generation.js';
import { snapshotsOf } from '../../src/offline/project-files.js';
import { ProjectStateProjection } from '../../src/projections/project-state.js';
import type { FaultDisk } from '../disk/fault-disk.js';
import { CREATE, DATA, emptyDataDisk, LOG_ID, putLog, set, writeLog, type WrittenLog } from './written-project.js';

/** The events of the project. */
export const EVENTS: readonly AnyEvent[] = [
  CREATE, set('b', '1'), set('a', '{"n":1.0}'), { op: 'delete', key: 'b' }, set('ä', '"Zoë"'), set('a', '2'), set('c', 'null'),
  set('d', '4'), { op: 'delete', key: 'd' }, set('e', '[ 1 ]'), set('f', '6'),
];
/** The folder that states are rebuilt in. */
export const SCRATCH = '/scratch';
export const SEGMENT_1 = 'p/00000000000000000001.jsonl';
export const SEGMENT_5 = 'p/00000000000000000005.jsonl';

/** A data folder, and the log in it. */
export interface SoundFolder {
  readonly disk: FaultDisk;
  readonly log: WrittenLog;
}

/** The name of a snapshot's file. */
export function snap(seq: number, part: string): string {
  return `p/snap-${String(seq).padStart(20, '0')}.${part}`;
}

/** Makes a snapshot of the project. */
export async function commitSnapshot(disk: FaultDisk, toSeq: number, previousSeq?: number): Promise<void> {
  const job = { dataFolder: DATA, project: 'p', logId: LOG_ID, toSeq, previousSeq };
  const built = await buildGeneration(job, disk);
  const state = new ProjectStateProjection();
  state.apply({ event: CREATE as never, seq: 1, timeMs: Date.UTC(2026, 10, 22, 10), actor: 'config', hash: '' });
  const manifest = { ...built, project: 'p', logId: LOG_ID, seq: toSeq, requests: null, isBase: false, segments: [], state: state.save() };
  await snapshotsOf(disk, job).commit(manifest);
}

/** Makes the folder. */
export async function soundFolder(snapshots: readonly number[] = [6, 9]): Promise<SoundFolder> {
  const disk = emptyDataDisk();
  disk.tree.makeFolder(SCRATCH);
  const log = writeLog({ project: 'p', events: EVENTS, sealed: [4, 3] });
  await putLog(disk, log);
  const registered: AnyEvent = { op: 'project.created', id: 'p', log_id: LOG_ID };
  await putLog(disk, writeLog({ project: '_server', logId: 'e'.repeat(32), events: [registered] }));
  let previous: number | undefined;
  for (const seq of snapshots) {
    await commitSnapshot(disk, seq, previous);
    previous = seq;
  }
  disk.tree.syncAll();
  return { disk, log };
}

/** Changes one bit of a file. */
export function flip(disk: FaultDisk, name: string, offset: number): void {
  const bytes = disk.bytesOf(`${DATA}/${name}`);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  disk.put(`${DATA}/${name}`, bytes);
}
