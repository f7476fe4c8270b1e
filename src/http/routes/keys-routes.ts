/**
 * Routes of keys and values. Reads see only durable data; writes go through the store.
 */
import { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { findKeyFault, type KeyFault } from '../../events/key-name.js';
import type { CommandResult } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { requireAccess } from '../access.js';
import { commandContext } from '../authorization.js';
import type { AppContext, AppRouter, RouteParts } from '../context.js';
import { formatEntityTag } from '../entity-tag.js';
import { JSON_TYPE, sendJson } from '../json-answer.js';
import { SHORT_TEXT_CHARACTERS } from '../long-answers.js';
import { checkReadPrecondition, isNotModified, refusePreconditions, writePrecondition } from '../precondition.js';
import { refuseQuery } from '../query.js';
import { readValue, readValueBytes } from '../request-body.js';
import { PROJECTS_PATH } from '../target.js';
import { listKeys } from './list-keys.js';
import { inProject, requireProjectId } from './project-id.js';

const KEYS_PATH = `${PROJECTS_PATH}/:id/keys`;
const KEY_PATH = `${KEYS_PATH}/*key`;
const OK = 200;
const CREATED = 201;
const NOT_MODIFIED = 304;

const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  empty: 'it is empty',
  too_long: 'it is too long',
  control_character: 'it contains a control character',
  not_well_formed: 'it is not well-formed text',
};

/** A key, existing or not, and its store. */
interface KeyInStore {
  readonly store: ProjectStore;
  readonly key: string;
}

/** An existing key, as of the lookup. */
interface FoundKey {
  readonly store: ProjectStore;
  readonly entry: NonNullable<ReturnType<ProjectStore['values']['get']>>;
}

/** Adds the routes. */
export function addKeysRoutes(router: AppRouter, parts: RouteParts): void {
  const read = requireAccess('keys.read', parts);
  const write = requireAccess('keys.write', parts);
  router.get(KEY_PATH, inProject, read, (ctx) => getKey(ctx, parts));
  router.register(KEY_PATH, ['PUT', 'POST'], [inProject, write, (ctx: AppContext) => setKey(ctx, parts)]);
  router.delete(KEY_PATH, inProject, write, (ctx) => deleteKey(ctx, parts));
  router.get(KEYS_PATH, inProject, read, (ctx) => listKeys(ctx, parts));
  router.delete(KEYS_PATH, inProject, write, (ctx) => clearKeys(ctx, parts));
}

/** A value in memory is sent synchronously; only one on disk is awaited. */
function getKey(ctx: AppContext, parts: RouteParts): Promise<void> | undefined {
  const key = keyOf(ctx, parts);
  checkReadPrecondition(ctx.req.headers);
  const found = findKey(key);
  const { store, entry } = found;
  if (isNotModified(ctx.req.headers, { seq: entry.seq, logId: store.logId })) {
    setVersionHeaders(ctx, found);
    ctx.status = NOT_MODIFIED;
    return undefined;
  }
  if (ctx.method === 'HEAD') return sendHead(ctx, found);
  if (sizeOf(found) > SHORT_TEXT_CHARACTERS) return sendLongValue(ctx, parts, key);
  const value = store.reads.load(entry);
  return typeof value === 'string' ? sendValue(ctx, found, value) : value.then((text) => sendValue(ctx, found, text));
}

/** A long value is loaded once memory is reserved for it; by then the key may have another value. */
async function sendLongValue(ctx: AppContext, { longAnswers, turns }: RouteParts, key: KeyInStore): Promise<void> {
  for (;;) {
    await turns.next();
    const found = findKey(key);
    const waiting = longAnswers.reserve(ctx, sizeOf(found));
    if (waiting === undefined) return sendValue(ctx, found, await found.store.reads.load(found.entry));
    await waiting;
  }
}

function findKey({ store, key }: KeyInStore): FoundKey {
  const entry = store.values.get(key);
  if (entry === undefined) throw new AppError('key_not_found', 'There is no such key in this project');
  return { store, entry };
}

/** In UTF-16 units for a value in memory, in bytes for one on disk. */
function sizeOf({ entry: { value } }: FoundKey): number {
  return typeof value === 'string' ? value.length : value.sizeBytes;
}

function setVersionHeaders(ctx: AppContext, { store, entry }: FoundKey): void {
  ctx.set('ETag', formatEntityTag(entry.seq, store.logId));
  ctx.set('Last-Modified', new Date(entry.timeMs).toUTCString());
  ctx.set('Cache-Control', 'no-cache');
}

function sendValue(ctx: AppContext, found: FoundKey, value: string): undefined {
  setVersionHeaders(ctx, found);
  ctx.status = OK;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.body = value;
}

/** The length is known without loading the value. */
function sendHead(ctx: AppContext, found: FoundKey): undefined {
  const { value } = found.entry;
  setVersionHeaders(ctx, found);
  ctx.status = OK;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.length = typeof value === 'string' ? Buffer.byteLength(value) : value.sizeBytes;
}

async function setKey(ctx: AppContext, parts: RouteParts): Promise<void> {
  const { store, key } = keyOf(ctx, parts);
  const precondition = writePrecondition(ctx.req.headers, store.logId);
  const value = readValue(await readValueBytes(ctx, parts.options.valueBytesMax));
  const result = await submitOnKey(ctx, store, { type: 'set', key, value, ...(precondition === undefined ? {} : { precondition }) });
  ctx.set('ETag', formatEntityTag(result.seq, store.logId));
  sendJson(ctx, result.created ? CREATED : OK, { key, ...receiptOf(result) });
}

async function deleteKey(ctx: AppContext, parts: RouteParts): Promise<void> {
  const { store, key } = keyOf(ctx, parts);
  const precondition = writePrecondition(ctx.req.headers, store.logId);
  const result = await submitOnKey(ctx, store, { type: 'delete', key, ...(precondition === undefined ? {} : { precondition }) });
  sendJson(ctx, OK, { key, ...receiptOf(result) });
}

async function clearKeys(ctx: AppContext, { projects }: RouteParts): Promise<void> {
  const id = requireProjectId(ctx);
  refuseQuery(ctx.state.target.query);
  const store = projects.store(id);
  refusePreconditions(ctx.req.headers);
  const result = await store.submit({ type: 'clear' }, commandContext(ctx));
  sendJson(ctx, OK, { deleted: result.count, ...receiptOf(result) });
}

/** Checks id, key, query and existence of the project, in this order. */
function keyOf(ctx: AppContext, { projects, options }: RouteParts): KeyInStore {
  const id = requireProjectId(ctx);
  const { key, query } = ctx.state.target;
  invariant(key !== null, 'the path of the route has a key');
  const fault = findKeyFault(key, options.keyBytesMax);
  if (fault !== undefined) {
    const facts = fault === 'too_long' ? { reason: fault, limit: options.keyBytesMax, actual: Buffer.byteLength(key) } : { reason: fault };
    throw new AppError('invalid_key', `Cannot use this key: ${KEY_FAULTS[fault]}`, { facts });
  }
  refuseQuery(query);
  return { store: projects.store(id), key };
}

/** Submits a command; after a failed precondition, the `ETag` is the current version. */
async function submitOnKey(ctx: AppContext, store: ProjectStore, command: Parameters<ProjectStore['submit']>[0]): Promise<CommandResult> {
  try {
    return await store.submit(command, commandContext(ctx));
  } catch (error) {
    const seq = error instanceof AppError && error.code === 'precondition_failed' ? error.facts['current_seq'] : undefined;
    if (typeof seq === 'number' && seq > 0) ctx.set('ETag', formatEntityTag(seq, store.logId));
    throw error;
  }
}

/** The receipt; `durable: false` if the change may not be on disk yet. */
function receiptOf({ seq, hash, volatile }: CommandResult): object {
  return volatile ? { seq, hash, durable: false } : { seq, hash };
}
