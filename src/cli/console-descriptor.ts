/**
 * Standard output and standard error as descriptors on which a write never blocks, whatever reads from the other end.
 *
 * A write to a pipe whose reader has stopped, or to a paused terminal, blocks indefinitely and stops the whole process. `O_NONBLOCK`
 * turns the wait into `EAGAIN`. The flag belongs to the open file description, which other processes share (the shell, the other
 * stream of `2>&1`), so it is set on a description of our own if the system can open one.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { isErrno } from '../base/app-error.js';

const OWN_DESCRIPTION = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const CONTROLLING_TERMINAL = '/dev/tty';

/** Sockets that set a descriptor's mode. Kept, because a collected socket would close its handle. */
const held: Socket[] = [];

/** Opens a descriptor to the same file, pipe or terminal, on which a write does not wait for a reader. */
export function openNonBlocking(descriptor: number): number {
  const status = fstatSync(descriptor);
  // A file has no reader. It keeps its description, whose offset it shares with other writers.
  if (status.isFile() || status.isBlockDevice()) return descriptor;
  // After `su` a terminal belongs to another user, but its processes can still open it under this name.
  const paths = [`/proc/self/fd/${descriptor}`, ...(isatty(descriptor) ? [CONTROLLING_TERMINAL] : [])];
  for (const path of paths) {
    const own = openOrUndefined(path);
    if (own !== undefined) return own;
  }
  if (status.isSocket() || status.isFIFO()) setNonBlocking(descriptor);
  return descriptor;
}

/** A socket cannot be opened by path, nor can a pipe without a reader; a pipe of another user must not be. */
function openOrUndefined(path: string): number | undefined {
  try {
    return openSync(path, OWN_DESCRIPTION);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

/** A stream sets the mode of a descriptor that it is created for. Nothing is written through the stream. */
function setNonBlocking(descriptor: number): void {
  const socket = new Socket({ fd: descriptor, readable: false, writable: true });
  socket.unref();
  held.push(socket);
}
