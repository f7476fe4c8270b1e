/**
 * The command `repair`: repairs a damaged project, keeping only what is provably intact. Prints the loss first, and changes nothing until
 * the user accepts it.
 */
import { join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import type { Finding } from '../base/finding.js';
import { silentLogger } from '../base/logger.js';
import { programCommand, shellLine } from '../base/program-command.js';
import { ConfigFile } from '../config/config-file.js';
import type { LoadedConfig } from '../config/load-config.js';
import { readRegistry, REGISTRY } from '../offline/registry.js';
import { RegistryUnusableError } from '../offline/registry-writer.js';
import { withFolderLock } from '../offline/offline-lock.js';
import { planRepair, type RepairPlan } from '../offline/repair/repair-plan.js';
import { type AppliedRepair, finishRepair, repairProject, type RepairTools, resumeRepair } from '../offline/repair/repair-project.js';
import { planRegistryRepair, repairRegistry, type RegistryPlan } from '../offline/repair/repair-registry.js';
import { isLogSound } from '../offline/verify/findings.js';
import { verifyFolder } from '../offline/verify/verify-folder.js';
import { findData } from './find-data.js';
import type { FormOptions } from './online/output-form.js';
import { planFacts, registryPlanFacts, RepairReport } from './repair-report.js';
import type { FolderOptions, RunContext } from './run-command.js';
import { folderWords, newerFormatReason, snapshotStep } from './verdict.js';
import { withVerifyTools } from './verify-tools.js';

/** Options of the command line. */
export interface RepairCommandOptions extends FolderOptions, FormOptions {
  readonly acceptLoss?: boolean;
}

/** Seqs of one kind of change that are listed; of more, the number is shown. */
const SEQS_SHOWN_MAX = 100;

/** A repair in progress; the data folder is locked. */
interface RepairJob {
  readonly tools: RepairTools;
  readonly options: RepairCommandOptions;
  readonly config: LoadedConfig | undefined;
  readonly report: RepairReport;
}

/**
 * Repairs a project, or the registry.
 *
 * @param project the project's id, or `_server`
 * @returns true when the project needs no further repair; with `--data` the user must still set the `revision` of its entry, as printed
 * @throws {UsageError} when the project does not exist
 * @throws {FolderBusyError} when a server or another repair uses the folder
 */
export async function repair(project: string, options: RepairCommandOptions, { output, signal }: RunContext): Promise<boolean> {
  const { dataFolder, config, disk } = await findData({ command: 'repair', project }, options, signal);
  const tools: RepairTools = { disk, dataFolder, logger: silentLogger, nowMs: Date.now(), signal };
  const report = new RepairReport(project, options, output);
  const job: RepairJob = { tools, options, config, report };
  const isDone = await withFolderLock(dataFolder, { command: 'repair', action: `repair "${project}"` }, process.pid, () => (
    project === REGISTRY ? repairOfRegistry(job) : repairOne(project, job)
  ));
  await report.end();
  return isDone;
}

async function repairOne(project: string, job: RepairJob): Promise<boolean> {
  const { tools, report } = job;
  const { disk, dataFolder, signal } = tools;
  const { log, findings: faults, registrations } = await readRegistry(disk, dataFolder, { signal });
  refuseNewerFormat(REGISTRY, faults);
  if (log === undefined || faults.length > 0) throw new RegistryUnusableError(folderWords(job.options));
  const resumed = await resumeRepair(project, tools);
  if (resumed !== undefined) return await end(resumed, job);
  const findings = await withVerifyTools(async (verifyTools) => {
    const found: Finding[] = [];
    for await (const verdict of verifyFolder({ ...verifyTools, disk, dataFolder, signal }, project)) found.push(...verdict.findings);
    return found;
  });
  refuseNewerFormat(project, findings);
  if (!isLogSound(findings)) return await repairDamaged(await planRepair(project, tools, registrations.get(project)), job);
  if (findings.length === 0) await report.say(`${project}: sound; nothing to repair\n`, { state: 'sound' });
  else await report.say(`${project}: no repair is needed: ${snapshotStep(project)}\n`, { state: 'snapshots_damaged' });
  return true;
}

async function repairDamaged(plan: RepairPlan, job: RepairJob): Promise<boolean> {
  const { options, report, tools } = job;
  if (plan.end.seq === 0) {
    const { project } = plan;
    await report.say(`${project}: no part of it can be proved intact. Restore its files from a backup. Without one, first save ` +
      `${project}.json, if it is in the data folder: it has the values of a snapshot, and is removed when the project is deleted\n`,
    { state: 'not_provable' });
    return false;
  }
  await report.say(planText(plan), planFacts(plan));
  if (options.acceptLoss === true) return await end(await repairProject(plan, tools), job);
  await report.say(nothingChanged(plan.project, options), { state: 'planned' });
  return false;
}

function nothingChanged(project: string, options: RepairCommandOptions): string {
  return `Nothing was changed. To apply the repair: ${programCommand(['repair', project, ...folderWords(options), '--accept-loss'])}\n`;
}

async function end(done: AppliedRepair, { tools, config, report, options }: RepairJob): Promise<boolean> {
  const { project, lastSeq, logId, copy, revision } = done;
  if (config !== undefined) await reviseEntry(project, revision, config);
  await finishRepair(done, tools);
  const oldFiles = oldFilesIn(copy, tools);
  const revise = config === undefined ? `set "revision" of its entry in the configuration to ${revision}\n` : '';
  const what = `${project}: repaired, continues after seq ${lastSeq} as log ${logId}\nthe damaged files are in ${shellLine([oldFiles])}\n`;
  await report.say(
    `${what}${revise}next: ${programCommand(['verify', project, ...folderWords(options)])}, then start the server\n`,
    { state: 'repaired', last_seq: lastSeq, log_id: logId, revision, entry_revised: config !== undefined, old_files: oldFiles },
  );
  return true;
}

/** Absolute, so that it can be used whatever the current folder is. */
function oldFilesIn(copy: string, { dataFolder }: RepairTools): string {
  return join(dataFolder, copy, 'old');
}

/** The entry must not name a version of the settings that the log no longer has. */
async function reviseEntry(project: string, revision: number, config: LoadedConfig): Promise<void> {
  const file = await ConfigFile.open(config);
  await file.update((document) => {
    const entry = document.projects.find(({ id }) => id === project);
    if (entry === undefined || entry.revision === revision) return document;
    return { ...document, projects: document.projects.map((other) => (other === entry ? { ...entry, revision } : other)) };
  });
}

/** A repair by this version would drop what it cannot read. */
function refuseNewerFormat(project: string, findings: readonly Finding[]): void {
  const reason = newerFormatReason(findings);
  if (reason !== undefined) throw new AppError('project_newer_format', `Cannot repair "${project}": ${reason}; run that version`);
}

async function repairOfRegistry({ tools, options, report }: RepairJob): Promise<boolean> {
  const { disk, dataFolder, signal } = tools;
  refuseNewerFormat(REGISTRY, (await readRegistry(disk, dataFolder, { signal })).findings);
  const plan = await planRegistryRepair(tools);
  if (plan.isSound) {
    await report.say(`${REGISTRY}: sound; nothing to repair\n`, { state: 'sound' });
    return true;
  }
  refuseNewerProjects(plan);
  await report.say(registryPlanText(plan), registryPlanFacts(plan));
  if (options.acceptLoss !== true) {
    await report.say(nothingChanged(REGISTRY, options), { state: 'planned' });
    return false;
  }
  const oldFiles = oldFilesIn(await repairRegistry(plan, tools), tools);
  const next = `next: ${programCommand(['verify', ...folderWords(options)])}, then start the server\n`;
  const what = `${REGISTRY}: rebuilt\nthe old files are in ${shellLine([oldFiles])}\n`;
  await report.say(what + next, { state: 'repaired', old_files: oldFiles });
  return true;
}

/** A registry without them would lose what it alone records: which of their segments were removed on purpose. */
function refuseNewerProjects({ newer }: RegistryPlan): void {
  if (newer.length === 0) return;
  const [it, its] = newer.length === 1 ? ['it', 'its'] : ['them', 'their'];
  const message = `Cannot repair "${REGISTRY}": a newer version wrote ${newer.map((id) => `"${id}.jsonl"`).join(', ')}, and this one `
    + `cannot register ${it}. Nothing was changed. Run this command with that version; or, if retention never removed any of ${its} `
    + `history, move ${its} files out of the data folder, repair, and move them back when that version runs`;
  throw new AppError('project_newer_format', message);
}

function planText({ project, snapshot, end: kept, losses }: RepairPlan): string {
  const from = snapshot === undefined ? 'the lines from the beginning' : `the snapshot of seq ${snapshot.seq} and the lines after it`;
  const lines = [`${project}: what can be kept: everything up to seq ${kept.seq} (${new Date(kept.timeMs).toISOString()}), from ${from}`];
  const { history, bytes } = losses;
  lines.push(`what is lost: ${lossText(losses)}`);
  if (bytes > 0) lines.push(`  ${countText(bytes, 'byte')} of records that cannot be proved intact`);
  lines.push(...namedLosses(losses));
  if (history !== undefined) lines.push(`  the lines of seq ${history.from} to ${history.to}; their effect is preserved in the snapshot`);
  lines.push('  the lines that are kept become a snapshot: the log continues from it with a new id; ETags of what is lost match nothing');
  return `${lines.join('\n')}\n`;
}

/** What the lost records are about, and whether the list is complete. */
function namedLosses({ keys, seemingKeys, hasMoreKeys, settingsSeqs, apiKeySeqs, clearSeqs, mayBeMore }: RepairPlan['losses']): string[] {
  const lines: string[] = [];
  const named = (names: readonly string[]): readonly string[] => names.map((key) => `    ${JSON.stringify(key)}`);
  if (keys.length > 0) lines.push('  lost changes affect these keys:', ...named(keys));
  if (seemingKeys.length > 0) {
    lines.push('  possibly also these keys (read from damaged records, so their names may be wrong):', ...named(seemingKeys));
  }
  if (hasMoreKeys) lines.push('  and more keys than are listed here');
  const seqs = {
    'changes of settings': settingsSeqs, 'changes of the API key': apiKeySeqs, 'deletions of all keys or of a range': clearSeqs,
  };
  for (const [what, list] of Object.entries(seqs)) if (list.length > 0) lines.push(`  ${what}: ${seqsText(list)}`);
  if (mayBeMore) lines.push('  other keys may be lost as well: not every lost line is present and readable');
  return lines;
}

function seqsText(seqs: readonly number[]): string {
  const more = seqs.length > SEQS_SHOWN_MAX ? ` and ${seqs.length - SEQS_SHOWN_MAX} more` : '';
  return `seq ${seqs.slice(0, SEQS_SHOWN_MAX).join(', ')}${more}`;
}

/** The worst loss in a few words. */
function lossText({ seqs, history, bytes }: RepairPlan['losses']): string {
  if (seqs !== undefined) return `seq ${seqs.from} to ${seqs.to}`;
  if (history !== undefined) return 'history, but no value';
  return bytes > 0 ? 'only records without a known seq' : 'no known records';
}

function registryPlanText({ projects, unreadable, kept }: RegistryPlan): string {
  const named = projects.map(({ id, logId }) => `  ${id} (log ${logId})`);
  const lines = [`${REGISTRY}: a new log would register ${countText(projects.length, 'project')}:`, ...named];
  if (unreadable.length > 0) lines.push('not registered, because their log id cannot be read:', ...unreadable.map((name) => `  ${name}`));
  if (kept.length > 0) lines.push(`records of deletions and moves to memory carried over: ${kept.length}`);
  lines.push('cannot be recovered: which other projects were deleted or moved to memory, and the original timestamps');
  return `${lines.join('\n')}\n`;
}
