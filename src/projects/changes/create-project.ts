/**
 * Creates a project: entry of the configuration, log, registration, API key. The entry comes first, because it alone holds the hash of
 * the key.
 */
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import { randomHexId } from '../../base/random-id.js';
import { effectiveSettings } from '../../config/effective-settings.js';
import { mergeSettings, type ProjectSettings } from '../../events/project-settings.js';
import type { CommandContext } from '../../store/command.js';
import { openNewProject, type OpenedProject } from '../open-project.js';
import { describeStore } from '../project-details.js';
import { keyIdOrNull, makeKey, NO_KEY, removeEntry, settleRevision, storedKeyOf, writeEntry } from '../project-entries.js';
import type { EntryKey } from '../project-entries.js';
import { openOptionsOf, type ProjectServices } from '../project-resources.js';
import type { NewProject, ProjectWithKey } from '../projects.js';

/**
 * Creates a project and serves it.
 *
 * @throws {AppError} see the contract in `projects.ts`
 */
export async function createProject(services: ProjectServices, project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
  const { config, keyring, registry, maintenance, announceKey } = services;
  const { id } = project;
  const settings = mergeSettings(effectiveSettings({}, config.document), project);
  const { on_disk: onDisk } = settings.storage;
  if (onDisk) registry.requireWritable();
  else registry.requireSound();
  await refuseTakenId(services, id);
  if (onDisk) await requireSpace(services, id);
  const made = settings.authentication.enabled ? makeKey(settings) : undefined;
  const key = made?.entryKey ?? NO_KEY;
  await writeEntry(config, { id, settings, revision: undefined, key });
  const opened = await createRegistered(services, { id, settings, key }, context);
  maintenance.serve(opened);
  keyring.setKey({ kind: 'project', project: id }, storedKeyOf(key));
  await settleRevision(services, opened.store, key);
  if (made !== undefined) announceKey(id, made.key);
  return { details: describeStore(opened.store), apiKey: made?.key ?? null };
}

/** Checks before anything is written; the store checks the size of the first line. */
async function requireSpace({ space }: ProjectServices, id: string): Promise<void> {
  await space.refresh(0);
  if (!space.allowsGrowth(1)) throw new AppError('disk_full', `Cannot create the project "${id}": the disk is nearly full`);
}

async function refuseTakenId({ table, diskHome, registry, maintenance: { unmoved } }: ProjectServices, id: string): Promise<void> {
  if (table.get(id) !== undefined) throw new AppError('project_exists', `Cannot create the project "${id}": it exists`);
  const registration = registry.registrations.get(id);
  // Files that an earlier project of this name left behind move away first.
  await unmoved.finishLeaving(id);
  const files = await diskHome.namesOf(id);
  if (registration?.state === 'live') {
    const advice = 'stop the server and restore its entry in the configuration, or start it with --adopt, which gives the project ' +
      'an entry and a new API key; or delete the project';
    const message = `Cannot create the project "${id}": it exists and is not served; ${advice}`;
    throw new AppError('project_not_served', message, { facts: { files } });
  }
  if (files.length === 0) return unmoved.forget(id);
  throw new AppError('project_files_exist', `Cannot create the project "${id}": files of that name exist`, { facts: { files } });
}

/** Creates and registers the log. If that fails, everything written so far is removed again. */
async function createRegistered(
  services: ProjectServices,
  { id, settings, key }: { readonly id: string; readonly settings: ProjectSettings; readonly key: EntryKey },
  context: CommandContext,
): Promise<OpenedProject> {
  const { config, registry, logger } = services;
  const options = openOptionsOf(services, id, settings);
  const logId = randomHexId();
  let opened: OpenedProject | undefined;
  const undo = async (part: string, work: () => Promise<unknown>): Promise<void> => {
    const message = `a project could not be created, and its ${part} could not be removed`;
    await work().catch(logFailure(logger, 'error', { project: id }, message));
  };
  try {
    opened = await openNewProject(id, { ...options, logId });
    await opened.store.submit({ type: 'project.create', settings, keyId: keyIdOrNull(key) }, context);
    if (settings.storage.on_disk) await registry.record({ op: 'project.created', id, log_id: logId }, context);
    return opened;
  } catch (error) {
    await undo('log', async () => opened?.store.retire());
    await undo('files', () => options.home.discard(id, logId));
    await undo('entry of the configuration', () => removeEntry(config, id));
    throw error;
  }
}
