/**
 * The route that erases the values of lines.
 */
import type { Projects } from '../../projects/projects.js';
import type { RedactionRequest } from '../../projects/redaction.js';
import { commandContext } from '../authorization.js';
import { projectIdOf } from '../exchange.js';
import { jsonAnswer } from '../json-answer.js';
import type { RouteHandler } from '../route-handlers.js';

const OK = 200;

/** Returns the handler. */
export function redactLines(projects: Projects): RouteHandler {
  return {
    handle: async (exchange) => {
      // As for a compaction: rewriting large segments can take longer than the idle timeout of the connection.
      exchange.nodeRequest.setTimeout(0);
      const request = exchange.document as RedactionRequest;
      const { line, erased, alreadyErased, withoutValue } = await projects.redact(projectIdOf(exchange), request, commandContext(exchange));
      return jsonAnswer(OK, { ...line, erased, already_erased: alreadyErased, without_value: withoutValue });
    },
  };
}
