/**
 * Decides what a reload does with each project: compares the entries of the new document with the projects that are served, as
 * `config/reconcile.ts` does at a start. Changes nothing, so that a refused document leaves everything as it was.
 */
import type { ConfigDocument, ProjectEntry } from '../../config/config-document.js';
import { ConfigError } from '../../config/config-error.js';
import { effectiveSettings, viewEntry } from '../../config/effective-settings.js';
import { historyOf } from '../../config/project-history.js';
import { revivesKey } from '../../config/reconcile.js';
import { diffSettings, type ProjectSettings } from '../../events/project-settings.js';
import { eventOf } from '../../store/event-of-line.js';
import type { ProjectStore } from '../../store/project-store.js';
import { findEntry } from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';
import { recallVersion } from '../start/recall-version.js';
import { reconcileEntry } from '../start/start-project.js';
import type { ReloadedProject } from './reload-outcome.js';

/** A served project whose entry, or what it is rendered from, differs from its log. */
export interface ComparedStep {
  readonly kind: 'compare';
  readonly entry: ProjectEntry;
  readonly store: ProjectStore;
  /** The settings that the project is to have. */
  readonly settings: ProjectSettings;
  /** The names of those that change. */
  readonly names: readonly string[];
  /** Whether the primary API key is another one. */
  readonly keyChanged: boolean;
  /** Whether the list of API keys was edited. */
  readonly listChanged: boolean;
  /** True if an older copy of the file brings a primary key back that was replaced since. */
  readonly isKeyRevived: boolean;
}

/** What is to be done, in the order of the entries; projects without one come last. */
export type ReloadStep =
  | ComparedStep
  /** A project that is not served: it is started as at a start of the server. */
  | { readonly kind: 'start'; readonly entry: ProjectEntry }
  | { readonly kind: 'end'; readonly id: string };

/**
 * Plans a reload.
 *
 * @param document the new document, whose typed API keys are hashed
 * @throws {ConfigError} if a project that is served would be refused by its entry
 */
export async function planReload(services: ProjectServices, document: ConfigDocument): Promise<readonly ReloadStep[]> {
  const { table, config } = services;
  const steps: ReloadStep[] = [];
  for (const [index, entry] of document.projects.entries()) {
    const found = table.get(entry.id);
    const before = findEntry(config.document, entry.id);
    if (found?.kind === 'served') {
      const step = await compare(services, { entry, before, document, index }, found.store);
      if (step !== undefined) steps.push(step);
    } else if (JSON.stringify(entry) !== JSON.stringify(before)) {
      // What was refused before stays refused until its entry is edited: its files are not looked at again.
      steps.push({ kind: 'start', entry });
    }
  }
  const named = new Set(document.projects.map(({ id }) => id));
  for (const project of table.list()) {
    const id = project.kind === 'served' ? project.store.id : project.project.id;
    if (!named.has(id)) steps.push({ kind: 'end', id });
  }
  return steps;
}

interface ComparedEntry {
  readonly entry: ProjectEntry;
  /** In the document that is in force. */
  readonly before: ProjectEntry | undefined;
  readonly document: ConfigDocument;
  readonly index: number;
}

/** What the log says of an entry. */
interface EntryView extends Pick<ComparedStep, 'settings' | 'isKeyRevived'> {
  /** True if the entry is older than the log. */
  readonly isStale: boolean;
}

/** @returns undefined if nothing is to be done */
async function compare(services: ProjectServices, compared: ComparedEntry, store: ProjectStore): Promise<ComparedStep | undefined> {
  const { entry, before, document } = compared;
  const { keyId, settings: given } = viewEntry(entry, document);
  const found = store.isOnDisk ? await compareWithLog(services, compared, store)
    // Nothing but the entry says what a project in memory is to be. One with a revision is from before the project left the disk.
    : { settings: entry.revision === undefined ? given : store.settings, isStale: entry.revision !== undefined, isKeyRevived: false };
  const { settings, isStale, isKeyRevived } = found;
  const { names } = diffSettings(store.settings, settings);
  const keyChanged = keyId !== store.version.keyId || entry.authentication?.api_key !== before?.authentication?.api_key;
  const listChanged = listOf(entry) !== listOf(before);
  const isBehind = isStale || (store.isOnDisk && entry.revision !== store.revision);
  if (names.length === 0 && !keyChanged && !listChanged && !isBehind) return undefined;
  return { kind: 'compare', entry, store, settings, names, keyChanged, listChanged, isKeyRevived };
}

async function compareWithLog(
  services: ProjectServices, { entry, document, index }: ComparedEntry, store: ProjectStore,
): Promise<EntryView> {
  const reader = { project: store.id, eventAt: async (seq: number) => eventOf(await store.feed.lineAt(seq)) };
  const gap = await recallVersion(reader, store.state, entry.revision, services.logger);
  const history = historyOf(store.state.versions, gap, store.access.lastSeq);
  const outcome = reconcileEntry(services, { entry, document, history, opened: { store } });
  const served = outcome.kind === 'adopt' ? outcome.then : outcome;
  const isKeyRevived = revivesKey(viewEntry(entry, document), history);
  switch (served.kind) {
    case 'edited':
    case 'roll_forward':
      return { settings: served.settings, isStale: served.kind === 'roll_forward', isKeyRevived };
    case 'refuse':
      throw new ConfigError({ pointer: `/projects/${index}`, expected: `cannot be taken over: ${served.reason}`, kind: 'stated' });
    default:
      return { settings: store.settings, isStale: false, isKeyRevived };
  }
}

function listOf(entry: ProjectEntry | undefined): string {
  return JSON.stringify(entry?.authentication?.api_keys ?? []);
}

/** Returns what a step is expected to do. */
export function foreseen({ registry }: ProjectServices, document: ConfigDocument, step: ReloadStep): ReloadedProject {
  if (step.kind === 'end') return { id: step.id, outcome: 'not_served' };
  if (step.kind === 'compare') return reportOf(step);
  const { entry: { id } } = step;
  const isThere = registry.registrations.get(id)?.state === 'live' && effectiveSettings(step.entry, document).storage.on_disk;
  return { id, outcome: isThere ? 'served' : 'created' };
}

/** Returns the report of a comparison that was applied. */
export function reportOf(step: ComparedStep): ReloadedProject {
  const { entry: { id }, names, keyChanged, listChanged } = step;
  const changed = [
    ...names, ...(keyChanged ? ['authentication.api_key'] : []), ...(listChanged ? ['authentication.api_keys'] : []),
  ];
  return changed.length === 0 ? { id, outcome: 'updated' } : { id, outcome: 'edited', changed };
}
