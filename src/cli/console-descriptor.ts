/**
 * Standard output and standard error as descriptors to which a write never waits, whatever reads from the other end.
 *
 * A write to a pipe whose reader has stopped, or to a terminal that was paused, waits for ever, and with it all that the process
 * does. `O_NONBLOCK` turns the wait into `EAGAIN`. It belongs to the open file description, which other processes share (the
 * shell, what `2>&1` joined), so the flag is set on a description of our own wherever the system can open one.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { isErrno } from '../base/app-error.js';

const OWN_DESCRIPTION = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const CONTROLLING_TERMINAL = '/dev/tty';

/** Sockets that set a descriptor's mode; collected, they would close their handles. */
const held: Socket[] = [];

/** Gives a descriptor that leads where the given one leads, and to which a write does not wait for a reader. */
export function openWithoutWaiting(descriptor: number): number {
  const status = fstatSync(descriptor);
  // A file has no reader to wait for. It keeps its description, whose offset it shares with what else writes there.
  if (status.isFile() || status.isBlockDevice()) return descriptor;
  // A terminal may belong to another user, after `su`; its processes can open it under this name all the same.
  const places = [`/proc/self/fd/${descriptor}`, ...(isatty(descriptor) ? [CONTROLLING_TERMINAL] : [])];
  for (const place of places) {
    const own = openOrUndefined(place);
    if (own !== undefined) return own;
  }
  if (status.isSocket() || status.isFIFO()) setNonBlocking(descriptor);
  return descriptor;
}

/** Sockets cannot be opened by path, a pipe without a reader neither, and one of another user may not. */
function openOrUndefined(place: string): number | undefined {
  try {
    return openSync(place, OWN_DESCRIPTION);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

/** The handle of a stream sets the mode when it takes a descriptor over. Nothing is written through it. */
function setNonBlocking(descriptor: number): void {
  const socket = new Socket({ fd: descriptor, readable: false, writable: true });
  socket.unref();
  held.push(socket);
}
