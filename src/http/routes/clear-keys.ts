/**
 * The route that deletes all keys of a project, or those of a range.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { CLEAR_PARAMETERS } from '../../api/specs/keys.js';
import type { KeyRange } from '../../events/key-range.js';
import type { ClearLimits } from '../../store/command.js';
import { authorizationOf, commandContext } from '../authorization.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import { jsonAnswer, receiptOf, repetitionHeaders } from '../json-answer.js';
import { invalidQuery } from '../query.js';
import { isWhole, rangeIn } from '../range-query.js';
import type { RouteHandler } from '../route-handlers.js';

const OK = 200;

type ClearParameters = Partial<Record<keyof typeof CLEAR_PARAMETERS, string>>;

/** What to delete. */
interface ClearQuery extends ClearLimits {
  readonly range: KeyRange;
}

/** Returns the handler of `DELETE /projects/{id}/keys`. */
export function clearKeys(): RouteHandler {
  return { readQuery: readClearQuery, handle: answerClear };
}

function readClearQuery({ expect_count: expected, dry_run: dryRun, ...range }: ClearParameters): ClearQuery {
  return { range: rangeIn(range), isDryRun: dryRun === 'true', ...(expected === undefined ? {} : { expectCount: Number(expected) }) };
}

/** A client that means a range, and sends it where it is not looked for, must not lose every key. */
function refuseBody({ 'content-length': length = '0', 'transfer-encoding': coding }: IncomingHttpHeaders): void {
  if (Number(length) === 0 && coding === undefined) return;
  throw invalidQuery('it must have what the body has: send prefix, start and end as parameters, and no body');
}

async function answerClear(exchange: Exchange): Promise<Answer> {
  refuseBody(exchange.request.headers);
  const store = storeOf(exchange);
  const { range, ...limits } = exchange.query as ClearQuery;
  if (limits.isDryRun === true || limits.expectCount !== undefined) authorizationOf(exchange).refine(() => 'keys.write_seen');
  // The turn that counts the keys of the range then has few of them to sort.
  if (!isWhole(range)) await store.reads.untilSorted();
  const command = isWhole(range) ? { type: 'clear', ...limits } as const : { type: 'clear.range', range, ...limits } as const;
  const result = await store.submit(command, commandContext(exchange));
  if (limits.isDryRun) return jsonAnswer(OK, { deleted: result.count, dry_run: true });
  return jsonAnswer(OK, { deleted: result.count, ...(result.hash === undefined ? {} : receiptOf(result)) }, repetitionHeaders(result));
}
