/**
 * The command `backup`: writes a backup of a data folder, or of a running server, to a file, and checks it before the file gets its name.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { programCommand } from '../base/program-command.js';
import type { ConfigDocument } from '../config/config-document.js';
import { SERVER_SETTINGS } from '../config/settings-table.js';
import { NodeDisk } from '../disk/node-disk.js';
import { backupContent } from '../offline/backup/backup-content.js';
import type { BackupManifest } from '../offline/backup/backup-manifest.js';
import { planOfFolder } from '../offline/backup/folder-plan.js';
import { openBackup } from '../offline/backup/read-backup.js';
import { verifyBackup } from '../offline/backup/verify-backup.js';
import { withFolderLock } from '../offline/offline-lock.js';
import { REGISTRY } from '../offline/registry.js';
import { complain, type Sink } from './command-output.js';
import { EXIT_CODES, UsageError } from './exit-codes.js';
import { findData } from './find-data.js';
import { writeWhole } from './output-file.js';
import { type FormOptions, printObject } from './online/output-form.js';
import { createProgress } from './progress.js';
import { Remote, type RemoteOptions } from './remote.js';
import { RemoteError } from './remote-error.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { findingText } from './verdict.js';
import { withVerifyTools } from './verify-tools.js';

/** Options of the command line. */
export interface BackupCommandOptions extends FolderOptions, RemoteOptions, FormOptions {}

/** The bytes of a backup. */
interface Source {
  /** Undefined if the server does not say. */
  readonly sizeBytes: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** Passes a source on; it is gone afterwards. */
type UseSource = (source: Source) => Promise<void>;

/** Mode of the file: it has the data of all projects, and may be anywhere. */
const OWNER_ONLY = 0o600;

/** What is written is not a sound backup. */
class UnsoundBackupError extends Error {
  override readonly name = 'UnsoundBackupError';
}

/**
 * Writes a backup.
 *
 * @param target a new file, or a folder, in which the file gets a name with the time
 * @returns true
 * @throws {UsageError} when the file exists
 * @throws {FolderBusyError} when a server uses the data folder
 */
export async function backUp(target: string, options: BackupCommandOptions, context: RunContext): Promise<boolean> {
  const startMs = performance.now();
  const file = await newFile(target, options);
  const remote = await Remote.findUnlessFiles(options);
  const progress = await createProgress(process.stderr);
  let manifest: BackupManifest | undefined;
  let sizeBytes = 0;
  const write = async (source: Source): Promise<void> => await writeWhole(file, async (sink) => {
    sizeBytes = await copy(source, sink, (done) => progress.show('copying', done, source.sizeBytes ?? done));
    progress.clear();
  }, {
    mode: OWNER_ONLY,
    isNew: true,
    check: async (temporary) => {
      manifest = await check(temporary, context.signal, (what, done, total) => progress.show(what, done, total));
    },
  });
  try {
    await (remote === undefined
      ? fromFolder({ ...options, file }, context, write, progress.show) : fromServer(remote, options, context, write));
  } finally {
    progress.clear();
  }
  if (manifest === undefined) throw new TypeError('A backup is checked before it gets its name');
  const { projects, skipped, time } = manifest;
  const facts = { file, bytes: sizeBytes, time, projects, skipped, verified: true, duration_ms: Math.round(performance.now() - startMs) };
  await printObject(context.output, options, { object: facts, text: () => textOf(facts) });
  return true;
}

function textOf({ file, bytes, time, projects, skipped }: Pick<BackupManifest, 'projects' | 'skipped' | 'time'> & {
  readonly file: string; readonly bytes: number;
}): string {
  const lines = [
    `${file}: ${countText(projects.length, 'project')} as of ${time}, ${countText(bytes, 'byte')}, verified`,
    ...projects.map(({ id, last_seq: seq }) => `  ${id}: up to seq ${seq}`),
    ...skipped.map(({ id, reason }) => `  ${id}: not in it (${reason})`),
  ];
  return `${lines.join('\n')}\n`;
}

/** A backup never replaces a file: it could be the only good one. */
async function newFile(target: string, { project }: BackupCommandOptions): Promise<string> {
  const found = await statusOf(path.resolve(target));
  const folder = path.dirname(path.resolve(target));
  if (found?.isDirectory() !== true && !/[/\\]$/.test(target)) {
    if (found !== undefined) throw new UsageError(`Cannot write the backup to "${target}": it exists. Name a new file, or a folder`);
    if ((await statusOf(folder))?.isDirectory() === true) return path.resolve(target);
    throw new UsageError(`Cannot write the backup to "${target}": there is no folder "${folder}". Create it first`);
  }
  if (found === undefined) throw new UsageError(`Cannot write the backup to "${target}": there is no such folder. Create it first`);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return path.resolve(target, `simplekv-${project ?? 'all'}-${time}.tar`);
}

async function statusOf(target: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(target);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function fromServer(
  remote: Remote, { project }: BackupCommandOptions, { signal }: RunContext, use: UseSource,
): Promise<void> {
  const scope = project === undefined ? '' : `/projects/${encodeURIComponent(project)}`;
  const { body, headers } = await remote.open(`/api/v1${scope}/backup`, { signal });
  const length = headers.get('content-length');
  if (body === null) throw new RemoteError(`The server at ${remote.origin} sent nothing`, EXIT_CODES.unavailable);
  await remote.during(signal, () => use({ sizeBytes: length === null ? undefined : Number(length), pieces: body }));
}

async function fromFolder(
  options: BackupCommandOptions & { readonly file: string }, { signal }: RunContext, use: UseSource,
  show: (what: string, done: number, total: number) => void,
): Promise<void> {
  const { file, project } = options;
  const { dataFolder, disk, backup, config } = await findData({ command: 'backup', project }, options, signal);
  if (project === REGISTRY) throw new UsageError(`Cannot back up "${REGISTRY}" alone: omit --project for a backup that contains it`);
  if (backup !== undefined) throw new UsageError(`Cannot back up "${dataFolder}": it is a backup; copy the file instead`);
  const isInside = !path.relative(dataFolder, file).startsWith('..');
  if (isInside) throw new UsageError(`Cannot write the backup to "${file}": it is in the data folder`);
  const only = project === undefined ? [] : ['--project', project];
  const again = programCommand(['backup', file, '--url', urlOf(config?.document), ...only]);
  const locked = {
    command: 'backup', action: `back up "${dataFolder}"`, otherwise: `let the server make the backup while it runs: ${again}`,
  } as const;
  await withFolderLock(dataFolder, locked, process.pid, async () => {
    const plan = await planOfFolder(disk, { dataFolder, project, timeMs: Date.now(), signal, onProgress: show });
    const content = await backupContent(disk, dataFolder, plan);
    await use({ sizeBytes: content.sizeBytes, pieces: content.pieces() });
  });
}

/** Where the server of a configuration can be reached from its own machine; without one, where a server with the defaults can. */
function urlOf(document: ConfigDocument | undefined): string {
  const { server_port: port = SERVER_SETTINGS.server_port.default, tls = null } = document ?? {};
  return `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`;
}

async function copy({ pieces }: Source, sink: Sink, show: (done: number) => void): Promise<number> {
  let done = 0;
  for await (const piece of pieces) {
    await sink.print(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    done += piece.length;
    show(done);
  }
  return done;
}

/** Reads what was written from the disk, as `verify` does. */
async function check(
  file: string, signal: AbortSignal, show: (what: string, done: number, total: number) => void,
): Promise<BackupManifest> {
  return await withVerifyTools(async (tools) => {
    const backup = await openBackup(new NodeDisk(), file, { signal, onProgress: (done, total) => show('checking', done, total) });
    let faults = 0;
    for await (const { project, findings } of verifyBackup(backup, { ...tools, signal, onProgress: show })) {
      faults += findings.length;
      for (const finding of findings) complain(`${project}: ${findingText(finding).trim()}`);
    }
    if (faults === 0) return backup.manifest;
    const advice = `no file was written. The data itself is damaged: ${programCommand(['verify'])} says more`;
    throw new UnsoundBackupError(`Cannot accept the backup: ${countText(faults, 'fault')} in it; ${advice}`);
  });
}
