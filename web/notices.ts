/**
 * Short messages about what has just happened.
 */
import { signal } from '@preact/signals';
import { isCode } from '../src/client/index.js';
import { isAbort, messageOf } from './failures.js';
import { caller, leave } from './session.js';

/** What was attempted: a later notice of the same kind of action takes the place of the earlier ones, which are no longer true. */
export type ActionName = 'copy' | 'save' | 'change settings' | 'make a snapshot';

/** A message to the user. */
export interface Notice {
  readonly id: number;
  /** Undefined: of a dialog, which shows what it is refused with. */
  readonly action: ActionName | undefined;
  readonly kind: 'done' | 'failed';
  readonly text: string;
}

const SHOWN_MS = 6000;
let lastId = 0;

/** What is shown. */
export const notices = signal<readonly Notice[]>([]);

/** Says that something was done. */
export function sayDone(text: string, action?: ActionName): void {
  say('done', text, action);
}

/** Says why something failed; an API key that stopped ends the session. */
export function sayFailed(error: unknown, action: ActionName): void {
  if (isAbort(error)) return;
  if (endsSession(error)) return;
  say('failed', messageOf(error), action);
}

/** Takes a message away. */
export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Whether the API key has stopped; then the session is over. */
export function endsSession(error: unknown): boolean {
  if (!isCode(error, 'unauthorized') || caller.value === null) return false;
  leave(messageOf(error));
  return true;
}

/** Takes away what was said of earlier attempts: how this one went is shown elsewhere. */
export function forget(action: ActionName): void {
  notices.value = notices.value.filter((notice) => notice.action !== action);
}

function say(kind: Notice['kind'], text: string, action: ActionName | undefined): void {
  lastId += 1;
  const id = lastId;
  if (action !== undefined) forget(action);
  notices.value = [...notices.value, { id, kind, text, action }];
  // A failure stays until it was read.
  if (kind === 'done') setTimeout(() => dismiss(id), SHOWN_MS);
}
