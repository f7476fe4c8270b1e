/**
 * What was thrown, in words for a user. Most of the server's own words are that already. Those of the client name the request, which a user
 * did not write, and those about an API key say how to send one.
 */
import { isCode, SimpleKvError } from '../src/client/index.js';

const UNANSWERED = 'The server does not answer';
const UNKNOWN_KEY = 'This server does not know the API key';

/** What to say of it, where the user can try again: what was typed is still on the page. */
export function messageOf(error: unknown): string {
  return isUnanswered(error) ? `${UNANSWERED}. Nothing is lost here; try again.` : reasonOf(error);
}

/** The same without advice and a period, where the page tries again by itself. */
export function reasonOf(error: unknown): string {
  if (isUnanswered(error)) return UNANSWERED;
  // With a reason, the server's own words are for a user.
  if (isCode(error, 'unauthorized') && !('reason' in error.facts)) return UNKNOWN_KEY;
  return error instanceof Error ? error.message : String(error);
}

/** Whether it says only that the user went elsewhere. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** No answer came, or a proxy's in place of it. A stream that the server has ended says why, which is one. */
function isUnanswered(error: unknown): boolean {
  return error instanceof SimpleKvError && error.isUnanswered && !('reason' in error.facts);
}
