/**
 * Bodies with settings: small JSON objects, parsed by koa-bodyparser after our checks of the headers. The parser is lenient (invalid bytes
 * become U+FFFD, a byte order mark is dropped), so the bytes are checked separately.
 */
import type { Context, Middleware } from 'koa';
import bodyParser from 'koa-bodyparser';
import { AppError } from '../base/app-error.js';
import { findJsonFault } from '../base/json-fault.js';
import { findRepeatedMember } from '../base/repeated-member.js';
import { authorizationOf } from './authorization.js';
import type { Exchange } from './exchange.js';
import { toAppError } from './problem.js';
import { askForBody, bodyTooLarge, checkBodyHeaders, invalidJson, readJsonText } from './request-body.js';
import { invalidDocument, takesSettings } from './settings-check.js';

const BYTE_ORDER_MARK = '\ufeff';

/** By their limit, in bytes. */
const parsers = new Map<number, Middleware>();

function parserFor(bytesMax: number): Middleware {
  const known = parsers.get(bytesMax);
  if (known !== undefined) return known;
  const parser = bodyParser({
    enableTypes: ['json'],
    jsonLimit: String(bytesMax),
    strict: true,
    onerror: (error) => {
      throw error;
    },
  });
  parsers.set(bytesMax, parser);
  return parser;
}

/**
 * Reads a JSON object. The body can arrive slowly, so the authorization is checked again before anything is said about it.
 *
 * @param ctx the context of the same request, for the parser
 * @param bytesMax the longest body, in bytes
 * @throws {AppError} for the headers, the bytes or the syntax; if the authorization has ended, its error
 */
export async function readSettings(exchange: Exchange, ctx: Context, bytesMax: number): Promise<unknown> {
  checkBodyHeaders(exchange, bytesMax);
  askForBody(exchange);
  return await parseSettings(exchange, ctx, bytesMax).finally(() => authorizationOf(exchange).assertHolds());
}

async function parseSettings(exchange: Exchange, ctx: Context, bytesMax: number): Promise<unknown> {
  const pieces: Buffer[] = [];
  // Attached in the same turn as the reader of the parser, so that neither misses a byte.
  const keep = (piece: Buffer): void => {
    pieces.push(piece);
  };
  exchange.nodeRequest.on('data', keep);
  try {
    await parserFor(bytesMax)(ctx, async () => undefined);
  } catch (thrown) {
    throw refusal(exchange, thrown, { pieces, bytesMax });
  } finally {
    exchange.nodeRequest.off('data', keep);
  }
  const bytes = Buffer.concat(pieces);
  exchange.requestBytes = bytes.length;
  const text = readJsonText(bytes);
  if (text.startsWith(BYTE_ORDER_MARK)) throw invalidJson(bytes, undefined);
  // The parser keeps the last of two equal members: a reviewer or a proxy may have seen the first.
  const repeated = findRepeatedMember(text);
  if (repeated !== undefined) throw invalidDocument(exchange.route, { pointer: repeated, expected: 'the only member of its name' });
  return ctx.request.body;
}

/** Maps an error of the parser. */
function refusal(
  exchange: Exchange, thrown: unknown, { pieces, bytesMax }: { readonly pieces: readonly Buffer[]; readonly bytesMax: number },
): AppError {
  if (!(thrown instanceof SyntaxError)) {
    const error = toAppError(thrown);
    return error.code === 'body_too_large' ? bodyTooLarge(bytesMax) : error;
  }
  const bytes = Buffer.concat(pieces);
  readJsonText(bytes);
  if (findJsonFault(bytes) !== undefined) return invalidJson(bytes, thrown);
  // Valid JSON that the parser refuses anyway: a scalar, or a member that would replace a prototype.
  const facts = { pointer: '', expected: 'an object with known members' };
  const [code, what] = takesSettings(exchange.route) ? ['invalid_settings', 'settings'] as const : ['invalid_body', 'body'] as const;
  return new AppError(code, `Cannot use the ${what}: expected ${facts.expected}`, { facts });
}
