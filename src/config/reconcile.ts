/**
 * Compares an entry of config.json with the log of its project at startup, and decides what to do if they differ. Pure: the caller
 * writes.
 *
 * The file and the log cannot be written atomically together, so a crash can leave them different, and so can an edit. `revision`
 * distinguishes the two: it names the version of the project that the entry was written from.
 *
 * - Most updates are written to the log first, then to the file. A crash in between leaves an entry that equals the version it names. The
 *   entry is stale and takes the log's newest settings, which were acknowledged; it contains no later change.
 * - A new project, a move to disk and a new API key are written to the file first. The hash of a key is stored nowhere else: a log that
 *   names a key whose hash was lost would lock everyone out. The entry of a new or moved project has no revision; any other keeps its
 *   previous one, so it differs from the version it names. A crash in between looks like a user's edit of the project or the key, and
 *   is handled the same way: the log takes it over.
 * - Only the first and the newest version are kept. Another one that an entry names is looked up in the log, whose line at that seq
 *   has it completely. If retention removed the line, an edit cannot be distinguished from an old copy: the project is refused until
 *   a user decides, unless the entry equals the newest settings.
 * - An edited entry differs from the version that it names. Only the edited settings are applied, on top of the newest version: the
 *   user may have edited an old copy. Of the API key the log has only an id, so the file always decides.
 * - `on_disk: false` for a project with a log moves its data into memory, whether the log or an edit says so.
 *
 * This never deletes the data of a project. If the data that an entry belongs to is missing, the project is refused: an empty new log
 * in its place would look like a loss, and would become one.
 */
import type { ErrorCode } from '../base/error-codes.js';
import { programCommand } from '../base/program-command.js';
import { diffSettings, mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import { ConfigError } from './config-error.js';
import type { EntryView } from './effective-settings.js';
import type { ProjectHistory } from './project-history.js';

/** What the logs have about a project id. */
export interface LogView {
  /**
   * The state in the registry: registered with that log, deleted, moved to memory, or unknown. With `deleted` and `left` the files of
   * that log have already been moved away.
   */
  readonly registered: { readonly logId: string } | 'deleted' | 'left' | undefined;
  /** Whether the registry exists. */
  readonly hasRegistry: boolean;
  /** The project's own log. */
  readonly log: ProjectHistory | 'absent';
}

/** The project is not served, and its files are not changed, until a user decides. */
export interface Refuse {
  readonly kind: 'refuse';
  /**
   * `project_missing`: the log of the entry does not exist. `project_outdated`: it ends before the revision of the entry, or no longer has
   * the settings of that revision.
   */
  readonly code: Extract<ErrorCode, 'project_missing' | 'project_outdated'>;
  /** Without a full stop at the end. */
  readonly reason: string;
  /** First the step that loses nothing, then the one that starts afresh. Without a full stop at the end. */
  readonly whatToDo: string;
}

/** What to do about an entry that has a log. */
type ComparedOutcome =
  /** Entry and log agree. The revision of the entry may still be behind, if a change was undone. */
  | { readonly kind: 'done' }
  /**
   * The entry is stale, because a crash came before it was written: the file takes these settings from the log. `keyId` is present if
   * the key of the file differs from that of the log: the actor `config` appends it as `project.key`.
   */
  | { readonly kind: 'roll_forward'; readonly settings: ProjectSettings; readonly keyId?: string | null }
  /**
   * The entry was edited, or a new key did not reach the log: the actor `config` appends these settings, then the file takes them.
   * `names` are the settings that differ from the newest version, as `storage.segment_bytes`; `keyChanged` says whether the key does.
   */
  | { readonly kind: 'edited'; readonly settings: ProjectSettings; readonly names: readonly string[]; readonly keyChanged: boolean }
  | Refuse;

/** What to do about an entry. */
export type Outcome =
  | ComparedOutcome
  /** A new project: its log must be created and registered. */
  | { readonly kind: 'create' }
  /** A crash left the log unregistered: it must be registered before `then` is carried out. */
  | { readonly kind: 'adopt'; readonly then: ComparedOutcome }
  /** A project in memory, without a log to compare with. A stale entry is from before its move to memory, and must be updated. */
  | { readonly kind: 'memory'; readonly isStale: boolean }
  /** The entry belongs to a deleted project, which is not served but logged. */
  | { readonly kind: 'deleted' };

const RESTORE_FILES = 'mount the volume, or restore the files from a backup, and start the server again';

/** Compares an entry with the logs. */
export function reconcile(entry: EntryView, log: LogView): Outcome {
  const { registered } = log;
  if (entry.revision !== undefined && !log.hasRegistry) {
    const reason = `the project ${quote(entry)} has a log, but the data folder has no file "_server.jsonl": is the volume mounted?`;
    return missing(reason, RESTORE_FILES);
  }
  if (registered === 'deleted') return reconcileDeleted(entry, log);
  if (registered === 'left') return reconcileLeft(entry, log);
  if (!entry.settings.storage.on_disk && registered === undefined) return reconcileInMemory(entry);
  if (log.log === 'absent') {
    if (registered === undefined && entry.revision === undefined) return { kind: 'create' };
    const afresh = registered === undefined
      ? 'To start with an empty project instead, remove the revision of its entry'
      : 'Only if they are lost permanently: delete the project, create it again, and give its new API key to its clients';
    const reason = `the log of the project ${quote(entry)} is not in the data folder: is the volume mounted?`;
    return missing(reason, `${RESTORE_FILES}. ${afresh}`);
  }
  const outcome = compare(entry, log.log);
  return registered === undefined ? { kind: 'adopt', then: outcome } : outcome;
}

/**
 * Whether the server must not start at all: entries belong to logs, but the registry, which is written before any of them, does not
 * exist. The data folder is not the one of the configuration, or its volume is not mounted.
 *
 * @param configPath for the command that would rebuild the registry
 * @returns the error to throw, or undefined
 */
export function mustRefuseToStart(
  entries: readonly { readonly revision?: number | undefined }[], hasRegistry: boolean, configPath: string,
): ConfigError | undefined {
  if (hasRegistry) return undefined;
  const index = entries.findIndex((entry) => entry.revision !== undefined);
  if (index === -1) return undefined;
  const command = programCommand(['repair', '_server', '--config', configPath]);
  return new ConfigError({
    pointer: `/projects/${index}/revision`,
    found: String(entries[index]?.revision),
    expected: 'a data folder with the file "_server.jsonl", which does not exist: is the volume mounted? If it is, and that file is ' +
      `lost, "${command}" shows which projects can be registered again, and changes nothing`,
  });
}

/** An id may be used again after a deletion, but an entry with a revision is that of the deleted project. */
function reconcileDeleted(entry: EntryView, { log }: LogView): Outcome {
  if (entry.revision !== undefined) return { kind: 'deleted' };
  if (!entry.settings.storage.on_disk) return { kind: 'memory', isStale: false };
  return log === 'absent' ? { kind: 'create' } : { kind: 'adopt', then: compare(entry, log) };
}

/** An entry with a revision is from before the move to memory; one without is a user's, or from the move back to disk. */
function reconcileLeft(entry: EntryView, { log }: LogView): Outcome {
  if (entry.revision !== undefined) return { kind: 'memory', isStale: true };
  if (!entry.settings.storage.on_disk) return { kind: 'memory', isStale: false };
  return log === 'absent' ? { kind: 'create' } : { kind: 'adopt', then: compare(entry, log) };
}

function reconcileInMemory(entry: EntryView): Outcome {
  if (entry.revision === undefined) return { kind: 'memory', isStale: false };
  return missing(
    `the entry of the project ${quote(entry)} has storage.on_disk false, and the revision ${entry.revision} ` +
      'of a log that the registry does not know',
    'set storage.on_disk to true again and start the server again. To start with an empty project in memory instead, remove the revision',
  );
}

/**
 * Refuses a log that ends before the revision of its entry. A repair of the files would not help: they are sound, but older.
 *
 * @param found the project's id in quotation marks, its revision, and where its log ends
 */
export function refuseOlderLog(found: string): Refuse {
  const reason = `the entry of the project ${found}: the log is an older copy`;
  const whatToDo = 'restore the newer files and start the server again. To continue with these, remove the revision of its entry';
  return { kind: 'refuse', code: 'project_outdated', reason, whatToDo };
}

function compare(entry: EntryView, history: ProjectHistory): ComparedOutcome {
  const { newest } = history;
  if (entry.revision !== undefined && entry.revision > history.lastSeq) {
    const revision = `${quote(entry)} has the revision ${entry.revision}`;
    return refuseOlderLog(`${revision}, but the newest settings in its log date from seq ${history.lastSeq}`);
  }
  const keyChanged = entry.keyId !== newest.keyId;
  // Only a user can write a revision before the first event; the first version is the closest one.
  const known = (entry.revision === undefined ? undefined : history.at(entry.revision)) ?? history.first;
  const isSame = diffSettings(entry.settings, newest.settings).names.length === 0;
  // Treated as stale, it could leave a project open that a user has just closed; treated as an edit, it could open one again.
  if (known === 'unknown' && !isSame) return unknownRevision(entry, newest.seq);
  const base = known === 'unknown' ? newest : known;
  const settings = mergeSettings(newest.settings, diffSettings(base.settings, entry.settings).change);
  const { names } = diffSettings(newest.settings, settings);
  if (names.length > 0) return { kind: 'edited', settings, names, keyChanged };
  if (!isSame) return { kind: 'roll_forward', settings, ...(keyChanged ? { keyId: entry.keyId } : {}) };
  return keyChanged ? { kind: 'edited', settings, names, keyChanged } : { kind: 'done' };
}

/**
 * Whether an older copy of the configuration restores an API key that has been replaced since: the entry names a version older than
 * the log's newest, and has the key of that version.
 *
 * @returns true also if the key of that version is no longer known
 */
export function revivesKey(entry: EntryView, history: ProjectHistory): boolean {
  const { keyId, revision } = entry;
  const { newest } = history;
  if (keyId === null || revision === undefined || revision >= newest.seq || keyId === newest.keyId) return false;
  const known = history.at(revision) ?? history.first;
  return known === 'unknown' || known.keyId === keyId;
}

function missing(reason: string, whatToDo: string): Refuse {
  return { kind: 'refuse', code: 'project_missing', reason, whatToDo };
}

/** An edit cannot be distinguished from an old copy. */
function unknownRevision(entry: EntryView, newestSeq: number): Refuse {
  const reason = `the entry of the project ${quote(entry)} has the revision ${entry.revision}, whose settings are no longer in ` +
    'its log, so an edit cannot be distinguished from an old copy';
  const whatToDo = `check the entry; to apply it as it is, set its revision to ${newestSeq} and start the server again`;
  return { kind: 'refuse', code: 'project_outdated', reason, whatToDo };
}

function quote(entry: EntryView): string {
  return JSON.stringify(entry.id);
}
