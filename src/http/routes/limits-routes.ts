/**
 * The route that shows what a project and its requests are limited to.
 */
import { READ_KEYS_MAX } from '../../api/schemas/read.js';
import { LISTING_LIMIT_MAX } from '../../api/specs/keys.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpOptions } from '../http-options.js';
import { jsonAnswer } from '../json-answer.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;

/** Returns the handler. */
export function limitsRoutes(options: HttpOptions): RouteHandlers<'getLimits'> {
  return { getLimits: { handle: (exchange) => getLimits(exchange, options) } };
}

function getLimits(exchange: Exchange, options: HttpOptions): Answer {
  const { values, settings, lineBytesMax } = storeOf(exchange);
  const { max_keys: keysMax, max_bytes: bytesMax, reads_per_second: reads, writes_per_second: writes } = settings.quota;
  return jsonAnswer(OK, {
    limits: {
      value_bytes: options.valueBytesMax,
      key_bytes: options.keyBytesMax,
      line_bytes: lineBytesMax,
      page_keys: LISTING_LIMIT_MAX,
      batch_ops: options.batchOpsMax,
      batch_bytes: options.batchBytesMax,
      read_keys: READ_KEYS_MAX,
      idempotency: { seconds: options.idempotencySeconds, entries: options.idempotencyEntries },
    },
    quota: { max_keys: { limit: keysMax, used: values.count }, max_bytes: { limit: bytesMax, used: values.contentBytes } },
    rate: { reads_per_second: { limit: reads }, writes_per_second: { limit: writes } },
  });
}
