/**
 * Bodies that hold settings: small JSON objects, read and parsed by koa-bodyparser after our own checks of their headers. The parser
 * decodes leniently (invalid bytes become U+FFFD, a byte order mark vanishes), so the bytes are looked at as they pass.
 */
import bodyParser from 'koa-bodyparser';
import { AppError } from '../base/app-error.js';
import { findJsonFault } from '../base/json-fault.js';
import type { SchemaCheck, SchemaFault } from '../base/json-schema.js';
import { findRepeatedMember } from '../base/repeated-member.js';
import { authorizationOf } from './authorization.js';
import { askForBody, bodyTooLarge, checkBodyHeaders } from './request-body.js';
import type { AppContext } from './context.js';
import { toAppError } from './problem.js';
import { invalidJson, readJsonText } from './request-body.js';

/** Longest body of settings, in bytes. */
export const SETTINGS_BODY_BYTES_MAX = 65_536;

/** How much of a JSON pointer is shown, in characters: the names in it are the client's. */
const POINTER_CHARACTERS_MAX = 100;
const BYTE_ORDER_MARK = '\ufeff';
/** Members by which a client may try to set a key. */
const KEY_MEMBERS: ReadonlySet<string> = new Set(['api_key', 'api_key_hash', 'key', 'apiKey', 'key_id', 'key_hash']);

const parseBody = bodyParser({
  enableTypes: ['json'],
  jsonLimit: String(SETTINGS_BODY_BYTES_MAX),
  strict: true,
  onerror: (error) => {
    throw error;
  },
});

/**
 * Reads settings. The body may have taken its time: whether the caller still may is decided before anything is said of it.
 *
 * @throws {AppError} what the headers, the bytes, the grammar or the schema are refused with; what a right that ended is
 */
export async function readSettings<T>(ctx: AppContext, check: SchemaCheck<T>): Promise<T> {
  checkBodyHeaders(ctx, SETTINGS_BODY_BYTES_MAX);
  askForBody(ctx);
  const document = await parseSettings(ctx).finally(() => authorizationOf(ctx).assertHolds());
  const checked = check(document);
  if (checked.ok) return checked.document;
  throw invalidSettings(checked.fault);
}

async function parseSettings(ctx: AppContext): Promise<unknown> {
  const pieces: Buffer[] = [];
  // Attached in the same turn in which the parser attaches its own reader, so that neither misses a byte.
  const keep = (piece: Buffer): void => {
    pieces.push(piece);
  };
  ctx.req.on('data', keep);
  try {
    await parseBody(ctx, async () => undefined);
  } catch (thrown) {
    throw refusal(thrown, pieces);
  } finally {
    ctx.req.off('data', keep);
  }
  const bytes = Buffer.concat(pieces);
  ctx.state.requestBytes = bytes.length;
  const text = readJsonText(bytes);
  if (text.startsWith(BYTE_ORDER_MARK)) throw invalidJson(bytes, undefined);
  // The parser keeps the last of two members: what a reviewer or a proxy saw in the first would not be what is carried out.
  const repeated = findRepeatedMember(text);
  if (repeated !== undefined) throw invalidSettings({ pointer: repeated, expected: 'the only member of its name' });
  return ctx.request.body;
}

/** Words what the parser refused. */
function refusal(thrown: unknown, pieces: readonly Buffer[]): AppError {
  if (!(thrown instanceof SyntaxError)) {
    const error = toAppError(thrown);
    return error.code === 'body_too_large' ? bodyTooLarge(SETTINGS_BODY_BYTES_MAX) : error;
  }
  const bytes = Buffer.concat(pieces);
  readJsonText(bytes);
  if (findJsonFault(bytes) !== undefined) return invalidJson(bytes, thrown);
  // Sound JSON that the parser refuses all the same: a scalar, or a member that would replace a prototype.
  return new AppError('invalid_settings', 'Cannot use the settings: expected an object with known members', { facts: { pointer: '' } });
}

/**
 * Words what a schema refused.
 *
 * @param fault place and expectation; what was found is not quoted, it might be a key
 */
export function invalidSettings(fault: SchemaFault): AppError {
  const pointer = fault.pointer.slice(0, POINTER_CHARACTERS_MAX);
  const facts = { pointer, expected: fault.expected };
  if (KEY_MEMBERS.has(pointer.slice(pointer.lastIndexOf('/') + 1))) {
    const message = `Cannot set "${pointer}": keys and hashes are made by the server; POST …/api-key/regenerate gives a new key`;
    return new AppError('invalid_settings', message, { facts });
  }
  // A missing or an unknown id was not found to be anything.
  if (fault.pointer === '/id' && fault.found !== undefined) {
    return new AppError('invalid_project_id', `Cannot create the project: "/id" must be ${fault.expected}`, { facts });
  }
  return new AppError('invalid_settings', `Cannot use the settings: "${pointer}" ${verdictOn(fault)}`, { facts });
}

function verdictOn({ kind, expected }: SchemaFault): string {
  if (kind === 'missing') return 'is missing';
  return kind === 'unknown' ? 'is no member that can be set' : `must be ${expected}`;
}
