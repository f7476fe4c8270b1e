/**
 * Whether an entry of config.json and the log of that project say the same at start, and what to do where they do not. Pure:
 * it decides, and others write.
 *
 * The file and the log cannot be written in one step, so a crash leaves them apart, and so does a person with an editor. What
 * tells the two apart is `revision`: the entry says which version of the project it was written from.
 *
 * - An update goes to the log first, then to the file. A crash between leaves an entry that equals the version it names: it is
 *   stale, and takes what the log says. The log's newest settings win because they were acknowledged there, and a stale entry
 *   holds nothing that anybody wanted since.
 * - Creating a project and giving it another key go to the file first, because the hash of a key stands nowhere else: a log
 *   that named a key whose hash was lost would lock everyone out. The entry is written with the revision that it had (a new
 *   one with none), so that it differs from the version it names. A crash between then looks like what a person does who types
 *   a new project or a new key, and is carried out the same way: the log takes it over.
 * - Of the versions that an entry may name only the first and the newest are kept. An older one is looked up in the log, where the
 *   line of that seq holds it whole. Where retention has removed that line, nothing tells an edit from an old copy: the project is
 *   refused until a person has looked, unless the entry says what holds anyhow.
 * - A person's edit differs from the version that the entry names. Only what they changed counts, put on top of the newest
 *   version: they may have edited an old copy. Of the key the log knows only an id, so the file always decides.
 *
 * - Settings that say `on_disk: false` of a project whose log is there take its data along into memory, wherever they come from.
 *
 * A project's data is never deleted here, and where the data that an entry speaks of is not there, the project is refused: an
 * empty new log in its place would look like a loss, and would become one.
 */
import type { ErrorCode } from '../base/error-codes.js';
import { programCommand } from '../base/program-command.js';
import { diffSettings, mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import { ConfigError } from './config-error.js';
import type { EntryView } from './effective-settings.js';
import type { ProjectHistory } from './project-history.js';

/** What the logs say of one project id. */
export interface LogView {
  /**
   * The newest word of the registry on the id: registered with that log, deleted, gone to memory, or never heard of.
   * Where it says `deleted` or `left`, the files of that log have been moved away before.
   */
  readonly registered: { readonly logId: string } | 'deleted' | 'left' | undefined;
  /** Whether the registry exists. */
  readonly serverLogPresent: boolean;
  /** The project's own log. */
  readonly log: ProjectHistory | 'absent';
}

/** Entry and log agree. The entry's revision may still lag behind, where a change was taken back. */
export interface Done {
  readonly kind: 'done';
}

/** The entry is stale: a crash came before it was written. The file takes the log's settings. */
export interface RollForward {
  readonly kind: 'roll_forward';
  /** The new content of the file. */
  readonly settings: ProjectSettings;
  /** There when the file's key differs from the log's: `config` appends it as `project.key`. */
  readonly keyId?: string | null;
}

/** A person edited the entry, or a new key did not reach the log. `config` appends it, then the file takes the result. */
export interface Edited {
  readonly kind: 'edited';
  /** What holds from now on. */
  readonly settings: ProjectSettings;
  /** Which settings differ from the newest version, as `storage.segment_bytes`; none when only the key did. */
  readonly names: readonly string[];
  /** True: the key of the file differs from the log's, and the file's holds. */
  readonly keyChanged: boolean;
}

/** A new project: its log is to be created and registered. */
export interface Create {
  readonly kind: 'create';
}

/** A log that was never registered, because a crash came between the two: it is to be registered, then `then` is done. */
export interface Adopt {
  readonly kind: 'adopt';
  readonly then: Done | RollForward | Edited | Refuse;
}

/** A project in memory: nothing to compare with. */
export interface InMemory {
  readonly kind: 'memory';
  /** True: the entry was written when the project was still on disk, and says so; it takes what holds since. */
  readonly isStale: boolean;
}

/** The entry speaks of a project that was deleted: it is not served, and named. */
export interface Deleted {
  readonly kind: 'deleted';
}

/** The project is not served, and nothing of it is touched, until a person has looked. */
export interface Refuse {
  readonly kind: 'refuse';
  /** `project_missing`: the log that the entry speaks of is not there. `project_outdated`: it is older than the entry. */
  readonly code: Extract<ErrorCode, 'project_missing' | 'project_outdated'>;
  /** What was found, without a full stop at the end. */
  readonly reason: string;
  /** The step that loses nothing first; only then the one that begins anew. Without a full stop at the end. */
  readonly whatToDo: string;
}

const PUT_FILES_BACK = 'mount the volume, or put the files back from a copy, and start the server again';

/** What is to be done about one entry. */
export type Outcome = Done | RollForward | Edited | Create | Adopt | InMemory | Deleted | Refuse;

/** Compares one entry with what the logs say of its id. */
export function reconcile(entry: EntryView, log: LogView): Outcome {
  const { registered } = log;
  if (entry.revision !== undefined && !log.serverLogPresent) {
    const reason = `the project ${quote(entry)} has a log, and the file "_server.jsonl" is not in the data folder: is the volume mounted?`;
    return missing(reason, PUT_FILES_BACK);
  }
  if (registered === 'deleted') return reconcileDeleted(entry, log);
  if (registered === 'left') return reconcileLeft(entry, log);
  if (!entry.settings.storage.on_disk && registered === undefined) return reconcileInMemory(entry);
  if (log.log === 'absent') {
    if (registered === undefined && entry.revision === undefined) return { kind: 'create' };
    const anew = registered === undefined
      ? 'To begin an empty project instead, remove the revision of its entry'
      : 'Only where they are lost for good: delete the project, create it again, and give its new API key to its clients';
    const reason = `the log of the project ${quote(entry)} is not in the data folder: is the volume mounted?`;
    return missing(reason, `${PUT_FILES_BACK}. ${anew}`);
  }
  const outcome = compare(entry, log.log);
  return registered === undefined ? { kind: 'adopt', then: outcome } : outcome;
}

/**
 * Tells whether the server must not start at all: entries speak of logs, and the registry, which is written before
 * any of them, is not there. The data folder is another than the one they were written for, or is not mounted.
 *
 * @param entries the entries in their order
 * @param serverLog whether the registry exists, and the configuration's path, for the command that would write it anew
 * @returns the fault to be thrown, or undefined
 */
export function mustRefuseToStart(
  entries: readonly { readonly revision?: number | undefined }[],
  serverLog: { readonly isPresent: boolean; readonly configPath: string },
): ConfigError | undefined {
  if (serverLog.isPresent) return undefined;
  const index = entries.findIndex((entry) => entry.revision !== undefined);
  if (index === -1) return undefined;
  const command = programCommand(['repair', '_server', '--config', serverLog.configPath]);
  return new ConfigError({
    pointer: `/projects/${index}/revision`,
    found: String(entries[index]?.revision),
    expected: 'a data folder with the file "_server.jsonl", which is not there: is the volume mounted? If it is, and that file is ' +
      `lost, "${command}" shows what can be registered anew, and changes nothing`,
  });
}

/** An id may be used again after a deletion, but an entry with a revision is the old one, put back. */
function reconcileDeleted(entry: EntryView, { log }: LogView): Outcome {
  if (entry.revision !== undefined) return { kind: 'deleted' };
  if (!entry.settings.storage.on_disk) return { kind: 'memory', isStale: false };
  return log === 'absent' ? { kind: 'create' } : { kind: 'adopt', then: compare(entry, log) };
}

/** An entry with a revision is older than the leaving; one without is a person's, or was written when the project entered again. */
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
    'write storage.on_disk true again and start the server again. To begin an empty project in memory instead, remove the revision',
  );
}

/**
 * Refuses a log that ends before the revision of its entry. What the files alone would repair is no repair here: they are sound, and older.
 *
 * @param found the project's id in quotation marks, its revision, and where its log ends
 */
export function refuseOlderLog(found: string): Refuse {
  const reason = `the entry of the project ${found}: the log is an older copy`;
  const whatToDo = 'put the newer files back and start the server again. To go on with these, remove the revision of its entry';
  return { kind: 'refuse', code: 'project_outdated', reason, whatToDo };
}

function compare(entry: EntryView, history: ProjectHistory): Done | RollForward | Edited | Refuse {
  const { newest } = history;
  if (entry.revision !== undefined && entry.revision > newest.seq) {
    const revision = `${quote(entry)} has the revision ${entry.revision}`;
    return refuseOlderLog(`${revision}, and the newest settings in its log are of seq ${newest.seq}`);
  }
  const keyChanged = entry.keyId !== newest.keyId;
  // A revision from before the first event can only be a person's; the first version is the nearest thing to it.
  const known = (entry.revision === undefined ? undefined : history.at(entry.revision)) ?? history.first;
  const isSame = diffSettings(entry.settings, newest.settings).names.length === 0;
  // Taking it for stale could leave a project open that its owner has just closed, taking it for an edit could open one again.
  if (known === 'unknown' && !isSame) return unknownRevision(entry, newest.seq);
  const base = known === 'unknown' ? newest : known;
  const settings = mergeSettings(newest.settings, diffSettings(base.settings, entry.settings).change);
  const { names } = diffSettings(newest.settings, settings);
  if (names.length > 0) return { kind: 'edited', settings, names, keyChanged };
  if (!isSame) return { kind: 'roll_forward', settings, ...(keyChanged ? { keyId: entry.keyId } : {}) };
  return keyChanged ? { kind: 'edited', settings, names, keyChanged } : { kind: 'done' };
}

/**
 * Tells whether an older copy of the configuration brings back an API key that was replaced since: the entry reflects an older version
 * than the log's newest, and has the key of that version.
 *
 * @returns true where it does, or where nothing says any more which key that version had
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

/** Nothing tells an edit from an old copy. */
function unknownRevision(entry: EntryView, newestSeq: number): Refuse {
  const reason = `the entry of the project ${quote(entry)} has the revision ${entry.revision}, and what the settings were then is not in ` +
    'its log any more, so an edit cannot be distinguished from an old copy';
  const whatToDo = `look through the entry; to let it hold as it stands, set its revision to ${newestSeq} and start the server again`;
  return { kind: 'refuse', code: 'project_outdated', reason, whatToDo };
}

function quote(entry: EntryView): string {
  return JSON.stringify(entry.id);
}
