/**
 * The settings and the API key id of a project, with the newest part of their history.
 */
import { invariant } from '../base/invariant.js';
import { compileSchema } from '../base/json-schema.js';
import { schemaOf } from '../base/setting.js';
import type { ProjectEvent, Recorded } from '../events/event.js';
import { AUTHENTICATION_SETTINGS, STORAGE_SETTINGS } from '../api/project-settings.js';
import { BUILT_IN_STORAGE, mergeStorage, type ProjectSettings, storedSettings } from '../events/project-settings.js';
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

interface SavedState {
  readonly versions: readonly ProjectVersion[];
}

const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['storage', 'authentication'],
  properties: {
    // Snapshots written before a setting existed lack it.
    storage: schemaOf(STORAGE_SETTINGS),
    authentication: { ...schemaOf(AUTHENTICATION_SETTINGS), required: Object.keys(AUTHENTICATION_SETTINGS) },
  },
} as const;

const versionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['seq', 'settings', 'keyId', 'timeMs'],
  properties: {
    seq: { type: 'integer', minimum: 1 },
    settings: settingsSchema,
    keyId: { anyOf: [{ type: 'string', pattern: '^[0-9a-f]{16}$' }, { type: 'null' }] },
    timeMs: { type: 'integer' },
  },
} as const;

const checkSavedState = compileSchema<SavedState>({
  type: 'object',
  additionalProperties: false,
  required: ['versions'],
  properties: { versions: { type: 'array', minItems: 1, items: versionSchema } },
});

/** The settings of a project, fed from its log. */
export class ProjectStateProjection implements Projection<ProjectEvent> {
  readonly #versions: ProjectVersion[] = [];

  /** The first version and the newest ones, oldest first; at most {@link VERSIONS_KEPT_MAX}. */
  get versions(): readonly ProjectVersion[] {
    return this.#versions;
  }

  /** Undefined for a log without a project event. */
  get newest(): ProjectVersion | undefined {
    return this.#versions.at(-1);
  }

  /** Undefined for a log without a project event. */
  get first(): ProjectVersion | undefined {
    return this.#versions[0];
  }

  /** True if versions after the first may have been dropped. */
  get isTrimmed(): boolean {
    return this.#versions.length === VERSIONS_KEPT_MAX;
  }

  #add(version: ProjectVersion): void {
    this.#versions.push(version);
    if (this.#versions.length > VERSIONS_KEPT_MAX) this.#versions.splice(1, 1);
  }

  /** Returns the state for {@link restore}; serializable as JSON. */
  save(): unknown {
    return { versions: this.#versions.map((version) => ({ ...version, settings: storedSettings(version.settings) })) };
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
    let before = 0;
    for (const { seq, settings, keyId, timeMs } of checked.document.versions) {
      if (seq <= before || seq > lastSeq) {
        throw new SavedStateError(`Cannot restore the state of a project: seq ${seq} follows ${before}, and the last is ${lastSeq}`);
      }
      before = seq;
      const storage = mergeStorage(BUILT_IN_STORAGE, settings.storage);
      // Earlier versions of the program saved all versions.
      this.#add({ seq, settings: { ...settings, storage }, keyId, timeMs });
    }
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs }: Recorded<ProjectEvent>): void {
    const isFirst = this.#versions.length === 0;
    if (event.op === 'project.create') invariant(isFirst, () => `seq ${seq} creates a project that did not exist`);
    else invariant(!isFirst, () => `seq ${seq} happens to a project that exists`);
    if (!event.op.startsWith('project.')) return;
    invariant('settings' in event, 'project events carry settings');
    this.#add({ seq, settings: event.settings, keyId: event.key_id, timeMs });
  }
}
