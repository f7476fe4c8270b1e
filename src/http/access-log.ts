/**
 * The access log: one line per request. It has the pattern of the route, never the target, which may contain keys of data and API keys.
 */
import type { Logger } from '../base/logger.js';
import { actorOf } from '../events/actor.js';
import type { Exchange } from './exchange.js';

const PARTS_PER_MS = 1000;

/** Logs a request whose answer was sent or whose client has disconnected. */
export function logExchange({ infoLines }: Logger, exchange: Exchange): void {
  if (infoLines.isEnabled) infoLines.add(fieldsOf(exchange), 'request');
}

/** No value needs escaping: ids, addresses, methods that the parser knows, routes, actors and codes have none of those characters. */
function fieldsOf(exchange: Exchange): string {
  const { principal, problemCode, projectId, request, response, route } = exchange;
  const durationMs = Math.round(exchange.durationMs * PARTS_PER_MS) / PARTS_PER_MS;
  return `"request_id":"${exchange.requestId}","remote":"${exchange.remote}","method":"${request.method}",`
    + `"route":${textOrNull(route === null ? null : routerPath(route.path))},`
    // Null if the connection broke before there was an answer.
    + `"status":${response.headersSent ? response.statusCode : null},"duration_ms":${durationMs},`
    + `"actor":${textOrNull(principal === null ? null : actorOf(principal))},"project":${textOrNull(projectId)},`
    + `"request_bytes":${exchange.requestBytes},"response_bytes":${exchange.responseBytes}`
    + (exchange.clientRequestId === null ? '' : `,"client_request_id":"${exchange.clientRequestId}"`)
    + (problemCode === null ? '' : `,"code":"${problemCode}"`)
    // The client disconnected before the answer was sent.
    + (response.writableFinished ? '' : ',"aborted":true');
}

function textOrNull(text: string | null): string {
  return text === null ? 'null' : `"${text}"`;
}

const routerPaths = new Map<string, string>();

/** Returns the path of a route as the router writes it: `:id`, `:key_id` and `:file` for one segment, `*key` and `*place` for the rest. */
export function routerPath(path: string): string {
  const known = routerPaths.get(path);
  if (known !== undefined) return known;
  const made = path.replace(/\{(id|file|key_id)\}/g, ':$1').replace(/\{(key|place)\}/, '*$1');
  routerPaths.set(path, made);
  return made;
}
