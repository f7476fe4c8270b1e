/**
 * The route that reloads the configuration.
 */
import { commandContext } from '../authorization.js';
import type { Answer, Exchange } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;

/** Returns the handler. */
export function reloadRoutes({ reload }: Pick<HttpParts, 'reload'>): RouteHandlers<'reloadConfig'> {
  return { reloadConfig: { handle: async (exchange) => await reloadConfig(exchange, reload) } };
}

async function reloadConfig(exchange: Exchange, reload: HttpParts['reload']): Promise<Answer> {
  const { dry_run: isTrial = false } = exchange.document as { readonly dry_run?: boolean };
  const { changed, needsRestart, projects } = await reload({ isTrial }, commandContext(exchange));
  return jsonAnswer(OK, { changed, needs_restart: needsRestart, projects });
}
