/**
 * The route that deletes all keys of a project, or those of a range.
 */
import type { CLEAR_PARAMETERS } from '../../api/specs/keys.js';
import type { KeyRange } from '../../events/key-range.js';
import type { ClearLimits } from '../../store/command.js';
import { commandContext } from '../authorization.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import { jsonAnswer, receiptOf } from '../json-answer.js';
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

async function answerClear(exchange: Exchange): Promise<Answer> {
  const store = storeOf(exchange);
  const { range, ...limits } = exchange.query as ClearQuery;
  // The turn that counts the keys of the range then has few of them to sort.
  if (!isWhole(range)) await store.reads.untilSorted();
  const command = isWhole(range) ? { type: 'clear', ...limits } as const : { type: 'clear.range', range, ...limits } as const;
  const result = await store.submit(command, commandContext(exchange));
  if (limits.isDryRun) return jsonAnswer(OK, { deleted: result.count, dry_run: true });
  return jsonAnswer(OK, { deleted: result.count, ...(result.hash === undefined ? {} : receiptOf(result)) });
}
