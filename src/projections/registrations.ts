/**
 * Which projects exist on disk, by the server's own log: registered when created, and for ever remembered when deleted.
 */
import { invariant } from '../base/invariant.js';
import type { Recorded, ServerEvent } from '../events/event.js';
import type { Projection } from './projection.js';

/** The newest that the server's log says of a project id. */
export interface Registration {
  readonly logId: string;
  readonly isDeleted: boolean;
}

/** Projects by id, and the deletions by log. */
export class Registrations implements Projection<ServerEvent> {
  readonly #byId = new Map<string, Registration>();
  readonly #deletedLogs = new Map<string, string>();
  #defaultKeyId: string | null | undefined;

  /** Project ids that are registered and not deleted. */
  get liveIds(): readonly string[] {
    return [...this.#byId].filter(([, registration]) => !registration.isDeleted).map(([id]) => id);
  }

  /** Deleted logs: project id by log id. */
  get deletedLogs(): ReadonlyMap<string, string> {
    return this.#deletedLogs;
  }

  /** The id of the global key as last recorded: null without a key, undefined when never recorded. */
  get defaultKeyId(): string | null | undefined {
    return this.#defaultKeyId;
  }

  /**
   * @param id a project id
   * @returns the newest that is known of it
   */
  get(id: string): Registration | undefined {
    return this.#byId.get(id);
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq }: Recorded<ServerEvent>): void {
    switch (event.op) {
      case 'project.created':
        invariant(this.#byId.get(event.id)?.isDeleted !== false, `seq ${seq} registers "${event.id}", which is not registered`);
        this.#byId.set(event.id, { logId: event.log_id, isDeleted: false });
        break;
      case 'project.deleted':
        this.#byId.set(event.id, { logId: event.log_id, isDeleted: true });
        this.#deletedLogs.set(event.log_id, event.id);
        break;
      case 'config.edited':
        if (event.scope === 'default') this.#defaultKeyId = event.key_id;
        break;
    }
  }
}
