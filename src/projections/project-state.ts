/**
 * The settings and the API key id of a project, with the newest part of their history; and its listed API keys.
 */
import { invariant } from '../base/invariant.js';
import { compileSchema } from '../base/json-schema.js';
import { schemaOf } from '../base/setting.js';
import { isAccessEvent } from '../events/access-event.js';
import type { LinesRedacted, ProjectEvent, Recorded } from '../events/event.js';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../api/project-settings.js';
import { KEY_ID_PATTERN } from '../api/schemas/access.js';
import { BUILT_IN_SETTINGS, mergeSettings, type ProjectSettings, storedSettings } from '../events/project-settings.js';
import { AccessKeys, SAVED_ACCESS_SCHEMA } from './access-keys.js';
import { REDACTION_SCHEMAS } from '../events/redaction.js';
import type { Projection } from './projection.js';

/** Settings and API key id after one project event. */
export interface ProjectVersion {
  /** The seq of the event: the revision of an entry in the configuration file. */
  readonly seq: number;
  readonly settings: ProjectSettings;
  readonly keyId: string | null;
  readonly timeMs: number;
}

/**
 * Versions that are kept: the first and the newest. An entry of the configuration names the version that it was written from, and lags
 * behind only while the file cannot be written. Older versions are in the log, each complete in one line.
 */
export const VERSIONS_KEPT_MAX = 17;

/** The state in a snapshot is invalid, or not of that snapshot's seq. */
export class SavedStateError extends Error {
  override readonly name = 'SavedStateError';
}

/** The newest redaction of a project. */
export interface RedactionState {
  /** The seq of its line: snapshots of earlier lines may hold values that were erased. */
  readonly seq: number;
  /** Set if the base of the log was made again: its digest as the log was begun with it, and its present one. */
  readonly base?: { readonly old: string; readonly new: string };
}

interface SavedState {
  readonly versions: readonly ProjectVersion[];
  readonly access?: unknown;
  readonly redaction?: RedactionState;
}

const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['storage', 'authentication'],
  properties: {
    // Snapshots written before a setting existed lack it.
    storage: schemaOf(STORAGE_SETTINGS),
    authentication: { ...schemaOf(AUTHENTICATION_SETTINGS), required: Object.keys(AUTHENTICATION_SETTINGS) },
    quota: schemaOf(QUOTA_SETTINGS),
  },
} as const;

const versionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['seq', 'settings', 'keyId', 'timeMs'],
  properties: {
    seq: { type: 'integer', minimum: 1 },
    settings: settingsSchema,
    keyId: { anyOf: [{ type: 'string', pattern: KEY_ID_PATTERN }, { type: 'null' }] },
    timeMs: { type: 'integer' },
  },
} as const;

const redactionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['seq'],
  properties: { seq: { type: 'integer', minimum: 1 }, base: REDACTION_SCHEMAS.base },
} as const;

const checkSavedState = compileSchema<SavedState>({
  type: 'object',
  additionalProperties: false,
  required: ['versions'],
  // Each is absent until the log has the first line of its kind, as in all older snapshots.
  properties: {
    versions: { type: 'array', minItems: 1, items: versionSchema }, access: SAVED_ACCESS_SCHEMA, redaction: redactionSchema,
  },
});

/** The settings of a project, fed from its log. */
export class ProjectStateProjection implements Projection<ProjectEvent> {
  /** The listed API keys. */
  readonly access = new AccessKeys();
  readonly #versions: ProjectVersion[] = [];
  #redaction: RedactionState | undefined;

  /** The first version and the newest ones, oldest first; at most {@link VERSIONS_KEPT_MAX}. */
  get versions(): readonly ProjectVersion[] {
    return this.#versions;
  }

  /** Undefined for a log without a project event. */
  get newest(): ProjectVersion | undefined {
    return this.#versions.at(-1);
  }

  /** Undefined if nothing was ever redacted. */
  get redaction(): RedactionState | undefined {
    return this.#redaction;
  }

  /** Undefined for a log without a project event. */
  get first(): ProjectVersion | undefined {
    return this.#versions[0];
  }

  /** True if versions after the first may have been dropped. */
  get isTrimmed(): boolean {
    return this.#versions.length === VERSIONS_KEPT_MAX;
  }

  /** When the API key of the newest version was recorded, in milliseconds since 1970; null if that is no longer known. */
  get keySinceMs(): number | null {
    const versions = this.#versions;
    const index = versions.findLastIndex((version) => version.keyId !== this.newest?.keyId) + 1;
    return this.isTrimmed && index === 1 ? null : versions[index]?.timeMs ?? null;
  }

  #add(version: ProjectVersion): void {
    this.#versions.push(version);
    if (this.#versions.length > VERSIONS_KEPT_MAX) this.#versions.splice(1, 1);
  }

  /** Returns the state for {@link restore}; serializable as JSON. */
  save(): unknown {
    const versions = this.#versions.map((version) => ({ ...version, settings: storedSettings(version.settings) }));
    const access = this.access.save();
    return { versions, ...(access !== undefined && { access }), ...(this.#redaction !== undefined && { redaction: this.#redaction }) };
  }

  /**
   * Restores a state from {@link save}, before the first event is applied. A setting that it lacks gets its built-in value.
   *
   * @param saved as read back; checked here
   * @param lastSeq the seq of the snapshot
   * @throws {SavedStateError} when the state is invalid, or later than `lastSeq`
   */
  restore(saved: unknown, lastSeq: number): void {
    invariant(this.#versions.length === 0, 'a state is restored before anything is applied');
    const checked = checkSavedState(saved);
    if (!checked.ok) {
      const { pointer, expected } = checked.fault;
      throw new SavedStateError(`Cannot restore the state of a project: at "${pointer}" expected ${expected}`);
    }
    const { access, redaction } = checked.document;
    if (access !== undefined) this.access.restore(access);
    if (this.access.lastSeq > lastSeq) {
      const { lastSeq: accessSeq } = this.access;
      throw new SavedStateError(`Cannot restore the state of a project: API keys of seq ${accessSeq}, and the last is ${lastSeq}`);
    }
    if ((redaction?.seq ?? 0) > lastSeq) {
      throw new SavedStateError(`Cannot restore the state of a project: a redaction of seq ${redaction?.seq}, and the last is ${lastSeq}`);
    }
    this.#redaction = redaction;
    let before = 0;
    for (const { seq, settings, keyId, timeMs } of checked.document.versions) {
      if (seq <= before || seq > lastSeq) {
        throw new SavedStateError(`Cannot restore the state of a project: seq ${seq} follows ${before}, and the last is ${lastSeq}`);
      }
      before = seq;
      // Earlier versions of the program saved all versions.
      this.#add({ seq, settings: mergeSettings(BUILT_IN_SETTINGS, settings), keyId, timeMs });
    }
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs }: Recorded<ProjectEvent>): void {
    const isFirst = this.#versions.length === 0;
    if (event.op === 'project.create') invariant(isFirst, () => `seq ${seq} creates a project that did not exist`);
    else invariant(!isFirst, () => `seq ${seq} happens to a project that exists`);
    if (isAccessEvent(event)) this.access.apply(event, { seq, timeMs });
    if (event.op === 'redact') this.#redaction = redactionAfter(this.#redaction, seq, event);
    if (!event.op.startsWith('project.')) return;
    invariant('settings' in event, 'project events carry settings');
    this.#add({ seq, settings: event.settings, keyId: event.key_id, timeMs });
  }
}

/** A base that is made again twice is still the one that the log was begun with. A log that continues from another one has its own. */
function redactionAfter(before: RedactionState | undefined, seq: number, { base }: LinesRedacted): RedactionState {
  if (base === undefined) return before?.base === undefined ? { seq } : { seq, base: before.base };
  const isAgain = before?.base?.new === base.old;
  return { seq, base: { old: isAgain ? before.base.old : base.old, new: base.new } };
}
