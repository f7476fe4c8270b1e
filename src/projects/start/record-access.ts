/**
 * Makes the logs follow the lists of API keys in the configuration, after an edit by hand and after a crash in the middle of a change. The
 * file decides which keys there are, with one exception: a key that the log has removed after the version that the entry was written from
 * stays removed. An older copy of the file would otherwise bring a key back that was revoked.
 */
import { logFailure } from '../../base/log-failure.js';
import { type ApiKeyEntry, entryIdOf, listedKeyOf } from '../../config/api-key-entries.js';
import type { ProjectEntry } from '../../config/config-document.js';
import type { AccessEvent } from '../../events/access-event.js';
import type { AccessKeys } from '../../projections/access-keys.js';
import type { ProjectStore } from '../../store/project-store.js';
import { type AccessScope, accessScope, withGlobalKeys } from '../access/access-scope.js';
import { recordOf } from '../access/change-keys.js';
import type { Startup } from './start-project.js';

const STAYS_REMOVED = 'the configuration has an API key that was removed after this copy of it was written; the key stays removed';
const LISTS_APPLIED = 'the list of API keys in the configuration was edited; the edit takes effect';
const NOT_RECORDED = 'the list of API keys could not be recorded; the keys work as the configuration says, and the next startup retries';

/** The parts of a startup that lists use. */
type Recording = Pick<Startup, 'services' | 'context'>;

/** Records the list of a project that is about to be served. The entry is written later, without the keys that stay removed. */
export async function recordListedKeys(recording: Recording, store: ProjectStore, entry: ProjectEntry): Promise<void> {
  const listed = entry.authentication?.api_keys ?? [];
  if (listed.length === 0 && store.access.keyIds.length === 0) return;
  const { id: project } = store;
  const record = (event: AccessEvent): Promise<unknown> => store.submit({ type: 'access', event }, recording.context);
  const parts = { scope: { kind: 'project', project }, recorded: store.access, record } as const;
  await recordList(recording, parts, { listed, revision: entry.revision ?? 0 });
}

/** Records the list of `default`, and writes its entry. */
export async function recordGlobalKeys(recording: Recording): Promise<void> {
  const { services, context } = recording;
  const { config, registry, logger } = services;
  const { authentication, revision = 0 } = config.document.default ?? {};
  const listed = authentication?.api_keys ?? [];
  if (registry.isCorrupt || (listed.length === 0 && registry.registrations.access.keyIds.length === 0)) return;
  const scope = accessScope(services, { kind: 'global' });
  const { access: recorded } = registry.registrations;
  const record = (event: AccessEvent): Promise<void> => scope.record(event, context);
  const kept = await recordList(recording, { scope: scope.scope, recorded, record }, { listed, revision });
  if (authentication?.api_keys === undefined || (kept.length === listed.length && revision === recorded.lastSeq)) return;
  const message = 'the configuration could not be brought up to date; the next startup retries';
  await config.update((document) => withGlobalKeys(document, kept, recorded.lastSeq)).catch(logFailure(logger, 'warn', {}, message));
}

/** A scope, for a start. */
interface RecordedScope extends Pick<AccessScope, 'scope'> {
  readonly recorded: AccessKeys;
  readonly record: (event: AccessEvent) => Promise<unknown>;
}

/** Returns the keys that stay in force. */
async function recordList(
  { services: { keyring, logger } }: Recording,
  { scope, recorded, record }: RecordedScope,
  { listed, revision }: { readonly listed: readonly ApiKeyEntry[]; readonly revision: number },
): Promise<readonly ApiKeyEntry[]> {
  const facts = { scope: scope.kind === 'global' ? 'default' : scope.project };
  const kept = listed.filter((entry) => (recorded.removedSeq(entryIdOf(entry)) ?? 0) <= revision);
  for (const entry of listed.filter((one) => !kept.includes(one))) logger.warn({ ...facts, key_id: entryIdOf(entry) }, STAYS_REMOVED);
  if (kept.length < listed.length) keyring.setListed(scope, kept.map(listedKeyOf));
  const events = eventsFor(kept, recorded);
  if (events.length === 0) return kept;
  try {
    for (const event of events) await record(event);
    logger.info({ ...facts, key_ids: events.map(({ key_id: id }) => id) }, LISTS_APPLIED);
  } catch (error) {
    logger.warn({ ...facts, err: error }, NOT_RECORDED);
  }
  return kept;
}

/** The events that make a log say what a list says. */
function eventsFor(listed: readonly ApiKeyEntry[], recorded: AccessKeys): readonly AccessEvent[] {
  const ids = new Set(listed.map(entryIdOf));
  const removals = recorded.keyIds.filter((id) => !ids.has(id)).map((id) => ({ op: 'access.remove', key_id: id }) as const);
  return [...removals, ...listed.flatMap((entry) => eventsOf(entry, recorded))];
}

function eventsOf(entry: ApiKeyEntry, recorded: AccessKeys): readonly AccessEvent[] {
  const record = recordOf(entry);
  const { key_id, name, expires_at } = record;
  const known = recorded.get(key_id);
  if (known === undefined) return [{ op: 'access.add', ...record }];
  // A change cannot say this, and so a person who edits it makes another key of the same id.
  const isOther = known.notBefore !== record.not_before || known.permissions.join() !== record.permissions.join();
  if (isOther) return [{ op: 'access.remove', key_id }, { op: 'access.add', ...record }];
  return known.name === name && known.expiresAt === expires_at ? [] : [{ op: 'access.change', key_id, name, expires_at }];
}
