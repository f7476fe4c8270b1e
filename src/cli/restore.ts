/**
 * The command `restore`: puts projects of a backup into a data folder, as they were, or as a new project. Verifies the backup first.
 */
import path from 'node:path';
import { AppError, withDiskFull } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { silentLogger } from '../base/logger.js';
import { programCommand } from '../base/program-command.js';
import type { ProjectEntry } from '../config/config-document.js';
import { ConfigFile } from '../config/config-file.js';
import { renderEntry } from '../config/effective-settings.js';
import { loadConfig, type LoadedConfig } from '../config/load-config.js';
import { resolveServerOptions } from '../config/server-options.js';
import { makeDataFolder } from '../disk/data-folder.js';
import { NodeDisk } from '../disk/node-disk.js';
import { faultOfBackup, openBackup, type OpenedBackup } from '../offline/backup/read-backup.js';
import { refuseAbsent, restoreBackup, type RestoredProject } from '../offline/backup/restore-backup.js';
import { verifyBackup } from '../offline/backup/verify-backup.js';
import { isProjectName } from '../offline/verify/verify-folder.js';
import { withFolderLock } from '../offline/offline-lock.js';
import { REGISTRY } from '../offline/registry.js';
import { complain } from './command-output.js';
import { MissingDataError, UsageError } from './exit-codes.js';
import { type FormOptions, printObject } from './online/output-form.js';
import { createProgress } from './progress.js';
import { configPathOf, outsideOf } from './outside-options.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { findingText } from './verdict.js';
import { withVerifyTools } from './verify-tools.js';

/** Options of the command line. */
export interface RestoreCommandOptions extends FolderOptions, FormOptions {
  readonly project?: string;
  readonly as?: string;
  readonly adopt?: boolean;
}

/** Where to restore. */
interface Destination {
  /** Absolute. */
  readonly dataFolder: string;
  /** Undefined if the folder was named itself. */
  readonly config: LoadedConfig | undefined;
}

type Show = (what: string, done: number, total: number) => void;

/**
 * Restores projects.
 *
 * @param file the backup
 * @returns true
 * @throws {AppError} when the backup is not sound, or a project must not be restored into the folder; nothing has changed then
 * @throws {MissingDataError} when there is no such backup, or a file in the place of the data folder
 * @throws {FolderBusyError} when a server uses the data folder
 */
export async function restore(file: string, options: RestoreCommandOptions, { output, signal }: RunContext): Promise<boolean> {
  refuseNames(options);
  const { dataFolder, config } = await destinationOf(options);
  const { project, as, adopt } = options;
  const disk = new NodeDisk();
  const source = path.resolve(file);
  if ((await disk.status(source))?.isFolder !== false) throw new MissingDataError(`Cannot restore from "${source}": there is no such file`);
  if ((await disk.status(dataFolder))?.isFolder === false) {
    throw new MissingDataError(`Cannot use "${dataFolder}" as a data folder: it is a file`);
  }
  const progress = await createProgress(process.stderr);
  try {
    const backup = await verified(source, options, signal, progress.show);
    await makeDataFolder(disk, dataFolder);
    const locked = { command: 'restore', action: `restore into "${dataFolder}"` } as const;
    const restored = await withFolderLock(dataFolder, locked, process.pid, async () => {
      const tools = { backup, dataFolder, logger: silentLogger, signal, onProgress: progress.show };
      const done = await restoreBackup(tools, { project, as }).catch((error: unknown) => {
        throw withSpaceAdvice(error, dataFolder);
      });
      if (adopt === true && config !== undefined) await writeEntries(config, done);
      return done;
    });
    progress.clear();
    const { time } = backup.manifest;
    const facts = { data: dataFolder, backup_time: time, projects: restored.map(documentOf), skipped: backup.manifest.skipped };
    await printObject(output, options, { object: facts, text: () => textOf(restored, backup, { dataFolder, config }, options) });
  } finally {
    progress.clear();
  }
  return true;
}

function refuseNames({ project, as, config, data, adopt }: RestoreCommandOptions): void {
  for (const id of [project, as]) {
    if (id === REGISTRY || (id !== undefined && !isProjectName(id))) throw new UsageError(`Cannot restore "${id}": not a project id`);
  }
  if (as !== undefined && project === undefined) throw new UsageError('Use --as only with --project');
  if (config !== undefined && data !== undefined) throw new UsageError('Use either --config or --data, not both');
  if (adopt === true && data !== undefined) throw new UsageError('Use --adopt with --config: it writes entries into that file');
}

async function destinationOf({ config: named, data }: RestoreCommandOptions): Promise<Destination> {
  if (data !== undefined) return { dataFolder: path.resolve(data), config: undefined };
  const file = configPathOf({ config: named });
  const config = await loadConfig(file, outsideOf());
  if (config === undefined) {
    const advice = 'Name another one with --config, or a data folder with --data';
    throw new UsageError(`Cannot find the configuration "${path.resolve(file)}". ${advice}`);
  }
  return { dataFolder: resolveServerOptions(config.inForce, config.folder).dataFolder, config };
}

/** A project that is whole stays; the next run restores the others. */
function withSpaceAdvice(error: unknown, dataFolder: string): unknown {
  const known = withDiskFull(error, `Cannot restore into "${dataFolder}"`);
  if (!(known instanceof AppError) || known.code !== 'disk_full') return known;
  const advice = `Free disk space for "${dataFolder}", then run the same command again`;
  return new AppError('disk_full', `${known.message}. ${advice}`, { cause: error });
}

/** Opens the backup and checks what is in it. */
async function verified(
  file: string, { project }: RestoreCommandOptions, signal: AbortSignal, show: Show,
): Promise<OpenedBackup> {
  return await withVerifyTools(async (tools) => {
    const backup = await openBackup(new NodeDisk(), file, { signal, onProgress: (done, total) => show('checking', done, total) })
      .catch((error: unknown) => {
        // Nothing of it looks like a backup.
        const fault = faultOfBackup(error);
        if (fault?.offset !== 0) throw error;
        const message = `Cannot restore from "${file}": it is no backup, but ${fault.found}. "simplekv backup" makes one`;
        throw new MissingDataError(message, { cause: error });
      });
    refuseAbsent(backup.manifest, project);
    let faults = 0;
    for await (const { project: id, findings } of verifyBackup(backup, { ...tools, signal, onProgress: show }, project)) {
      faults += findings.length;
      for (const finding of findings) complain(`${id}: ${findingText(finding).trim()}`);
    }
    if (faults === 0) return backup;
    throw new AppError('project_corrupt', `Cannot restore from "${file}": ${countText(faults, 'fault')} in it. Nothing was changed`);
  });
}

/** Adds an entry for each project. One that is there keeps its API key. */
async function writeEntries(config: LoadedConfig, restored: readonly RestoredProject[]): Promise<void> {
  const file = await ConfigFile.open(config);
  await file.update((document) => {
    const projects = [...document.projects];
    for (const { id, settings, revision } of restored) {
      const index = projects.findIndex((entry) => entry.id === id);
      const { api_key: apiKey = null, api_key_hash: apiKeyHash = null } = projects[index]?.authentication ?? {};
      const entry = renderEntry(projects[index], { id, settings, revision, apiKey, apiKeyHash }, document);
      if (index < 0) projects.push(entry);
      else projects[index] = entry;
    }
    return { ...document, projects };
  });
}

function documentOf({ id, logId, lastSeq, revision, wasThere }: RestoredProject): object {
  return { id, log_id: logId, last_seq: lastSeq, revision, was_there: wasThere };
}

function textOf(
  restored: readonly RestoredProject[], { manifest }: OpenedBackup, destination: Destination, { adopt, as, project }: RestoreCommandOptions,
): string {
  const lines = restored.map(({ id, lastSeq, logId, wasThere }) => {
    if (wasThere) return `${id}: is there already, up to seq ${lastSeq} (log ${logId})`;
    const what = as === undefined ? `log ${logId}` : `new log ${logId}, from the state of "${project ?? ''}"`;
    return `${id}: restored up to seq ${lastSeq}, as of ${manifest.time} (${what})`;
  });
  lines.push(...manifest.skipped.map(({ id, reason }) => `${id}: not in the backup (${reason})`));
  if (adopt === true) lines.push('next: start the server. It prints an API key for each project that needs one and has none');
  else lines.push(...nextSteps(restored, destination));
  return `${lines.join('\n')}\n`;
}

function nextSteps(restored: readonly RestoredProject[], { dataFolder, config }: Destination): readonly string[] {
  if (config === undefined) {
    const command = programCommand(['serve', '--config', 'FILE', '--adopt']);
    const whose = `FILE is a configuration with "persistent_file_path": ${JSON.stringify(dataFolder)}`;
    return [`next: start a server with ${command}, once: it adds the missing entries and prints the new API keys. ${whose}`];
  }
  const file = config.path;
  const entryOf = ({ id }: RestoredProject): ProjectEntry | undefined => config.document.projects.find((entry) => entry.id === id);
  const unnamed = restored.filter((one) => entryOf(one) === undefined);
  const ahead = restored.filter((one) => (entryOf(one)?.revision ?? 0) > one.revision);
  const steps = ahead.map(({ id, revision }) => `next: set "revision" of the entry of "${id}" in "${file}" to ${revision}`);
  if (unnamed.length === 0) return steps;
  const command = programCommand(['serve', '--config', file, '--adopt']);
  return [...steps, `next: start the server with ${command}, once: it adds the missing entries and prints the new API keys`];
}
