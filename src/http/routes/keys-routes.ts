/**
 * The routes of keys and values. Reads see only durable data; writes go through the store.
 */
import { AppError } from '../../base/app-error.js';
import type { CommandResult } from '../../store/command.js';
import { PreconditionFailedError } from '../../store/precondition-failed.js';
import type { ProjectStore } from '../../store/project-store.js';
import { authorizationOf, commandContext } from '../authorization.js';
import { answerCharactersMax, readBatch } from '../batch-body.js';
import { entityTagOfLine, formatEntityTag } from '../entity-tag.js';
import { readSetQuery, type SetQuery } from '../expiry-query.js';
import { type Answer, type Exchange, keyOf, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE, jsonAnswer, receiptOf, repetitionHeaders } from '../json-answer.js';
import { type LongAnswers, SHORT_TEXT_CHARACTERS } from '../long-answers.js';
import { isNotModified } from '../precondition.js';
import { NO_PARAMETERS } from '../query.js';
import { readValue, readValueBytes } from '../request-body.js';
import type { RouteHandlers } from '../route-handlers.js';
import { versionHeaders } from '../version-headers.js';
import { clearKeys } from './clear-keys.js';
import { diffKeys } from './diff-keys.js';
import { getPastKey } from './get-past-key.js';
import { listKeys } from './list-keys.js';
import { readKeys } from './read-keys.js';
import { revertKeys } from './revert-keys.js';

const OK = 200;
const CREATED = 201;
const NOT_MODIFIED = 304;

/** An existing key, as of the lookup. */
interface FoundKey {
  readonly store: ProjectStore;
  readonly entry: NonNullable<ReturnType<ProjectStore['values']['get']>>;
}

type KeyCommand = Extract<Parameters<ProjectStore['submit']>[0], { readonly type: 'set' | 'delete' }>;

/** What the routes are answered with. */
type KeysParts = Pick<HttpParts, 'options' | 'turns' | 'projects'> & { readonly longAnswers: LongAnswers };

/** Returns the handlers. */
export function keysRoutes(
  parts: KeysParts,
): RouteHandlers<'getKey' | 'setKey' | 'deleteKey' | 'listKeys' | 'readKeys' | 'clearKeys' | 'applyBatch' | 'diffKeys' | 'revertKeys'> {
  return {
    getKey: { handle: (exchange) => getKey(exchange, parts) },
    setKey: { readQuery: readSetQuery, handle: (exchange) => setKey(exchange, parts) },
    deleteKey: { handle: deleteKey },
    listKeys: listKeys(parts),
    readKeys: readKeys(parts),
    clearKeys: clearKeys(),
    applyBatch: { handle: (exchange) => applyBatch(exchange, parts) },
    diffKeys: diffKeys(parts),
    revertKeys: revertKeys(parts),
  };
}

/** A value in memory is answered synchronously; only one on disk is awaited. */
function getKey(exchange: Exchange, parts: KeysParts): Answer | Promise<Answer> {
  if (exchange.query !== NO_PARAMETERS) {
    exchange.needNode();
    return getPastKey(exchange, parts);
  }
  const found = findKey(exchange);
  const { store, entry } = found;
  if (isNotModified(exchange.request.headers, entry)) {
    return { status: NOT_MODIFIED, headers: versionHeaders(entry), body: null };
  }
  if (exchange.request.method === 'HEAD') return headAnswer(found);
  if (sizeOf(found) > SHORT_TEXT_CHARACTERS) {
    exchange.needNode();
    return longValue(exchange, parts);
  }
  const value = store.reads.load(keyOf(exchange), entry);
  return typeof value === 'string' ? valueAnswer(found, value) : value.then((text) => valueAnswer(found, text));
}

/** A long value is loaded once memory is reserved for it; by then the key may have another value. */
async function longValue(exchange: Exchange, { longAnswers, turns }: KeysParts): Promise<Answer> {
  for (;;) {
    await turns.next();
    const found = findKey(exchange);
    const waiting = longAnswers.reserve(exchange, sizeOf(found));
    if (waiting === undefined) return valueAnswer(found, await found.store.reads.load(keyOf(exchange), found.entry));
    await waiting;
  }
}

function findKey(exchange: Exchange): FoundKey {
  const store = storeOf(exchange);
  const key = keyOf(exchange);
  const entry = store.reads.get(key);
  if (entry === undefined) throw new AppError('key_not_found', 'There is no such key in this project');
  return { store, entry };
}

/** In UTF-16 units for a value in memory, in bytes for one on disk. */
function sizeOf({ entry: { value } }: FoundKey): number {
  return typeof value === 'string' ? value.length : value.sizeBytes;
}

function contentHeaders({ entry }: FoundKey): string[] {
  const headers = versionHeaders(entry);
  headers.push('Content-Type', JSON_TYPE);
  return headers;
}

function valueAnswer(found: FoundKey, value: string): Answer {
  return { status: OK, headers: contentHeaders(found), body: value };
}

/** The length is known without loading the value. */
function headAnswer(found: FoundKey): Answer {
  const { value } = found.entry;
  const headBytes = typeof value === 'string' ? Buffer.byteLength(value) : value.sizeBytes;
  return { status: OK, headers: contentHeaders(found), body: null, headBytes };
}

/** Without a promise more than it needs: most bodies have arrived with their head. */
function setKey(exchange: Exchange, { options }: KeysParts): Promise<Answer> {
  const store = storeOf(exchange);
  const key = keyOf(exchange);
  const bytes = readValueBytes(exchange, options.valueBytesMax);
  const set = (body: Buffer): Promise<Answer> => {
    const { expiry } = (exchange.query ?? {}) as SetQuery;
    const command = { type: 'set', key, value: readValue(body) } as const;
    return submitOnKey(exchange, store, expiry === undefined ? command : { ...command, expiry }).then((result) => setAnswer(key, result));
  };
  return bytes instanceof Promise ? bytes.then(set) : set(bytes);
}

function setAnswer(key: string, result: CommandResult): Answer {
  const { seq, hash = '', expiresAt } = result;
  const answer = { key, ...receiptOf(result), ...(expiresAt !== undefined && { expires_at: expiresAt }) };
  return jsonAnswer(result.created ? CREATED : OK, answer, ['ETag', entityTagOfLine(seq, hash), ...repetitionHeaders(result)]);
}

async function deleteKey(exchange: Exchange): Promise<Answer> {
  const key = keyOf(exchange);
  const result = await submitOnKey(exchange, storeOf(exchange), { type: 'delete', key });
  return jsonAnswer(OK, { key, ...receiptOf(result) }, repetitionHeaders(result));
}

async function applyBatch(exchange: Exchange, { options }: KeysParts): Promise<Answer> {
  const store = storeOf(exchange);
  const { batchBytesMax, batchOpsMax: opsMax, keyBytesMax, valueBytesMax } = options;
  const text = readValue(await readValueBytes(exchange, batchBytesMax));
  const steps = readBatch(text, { opsMax, keyBytesMax, valueBytesMax });
  if (answerCharactersMax(text, steps) > SHORT_TEXT_CHARACTERS) exchange.needNode();
  if (steps.some(({ op }) => op === 'check')) authorizationOf(exchange).refine(() => 'keys.write_seen');
  exchange.rate?.takeMore(steps.length - 1);
  const result = await store.submit({ type: 'batch', steps }, commandContext(exchange));
  // Nothing was carried out: what was taken beyond the request is given back.
  if (result.isRepeated === true) exchange.rate?.takeMore(1 - steps.length);
  return jsonAnswer(OK, { ...receiptOf(result), results: result.steps }, repetitionHeaders(result));
}

/** Submits a command under the condition of the request; after a failed precondition, the `ETag` is the current version. */
function submitOnKey(exchange: Exchange, store: ProjectStore, command: KeyCommand): Promise<CommandResult> {
  const { precondition } = exchange;
  if (precondition === undefined) return store.submit(command, commandContext(exchange));
  return store.submit({ ...command, precondition }, commandContext(exchange)).catch((error: unknown) => {
    const current = error instanceof PreconditionFailedError ? error.current : undefined;
    if (current !== undefined) exchange.problemHeaders = ['ETag', formatEntityTag(current)];
    throw error;
  });
}
