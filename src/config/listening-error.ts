/**
 * A port or an address that the server cannot have: which setting says so, where, and what to do.
 */

import { programCommand } from '../base/program-command.js';
import { FIRST_PROJECT_ID } from './first-config.js';

/** Highest port that only a privileged process may have. */
const PRIVILEGED_PORT_MAX = 1023;
/** What another port would look like in an example, for a first run that has no file yet. */
const OTHER_PORT_STEP = 1;

/** What the server was to listen on, and who says so. */
export interface ListeningPlace {
  readonly host: string;
  readonly port: number;
  /** Absolute path of the configuration. */
  readonly file: string;
  /** False on a first run: there is no file yet in which the setting could be changed. */
  readonly isFileThere: boolean;
  /** True: the start is to give entries to projects of a data folder. @default false */
  readonly isAdopting?: boolean;
}

/** The server cannot listen. Nothing was written, and no key was printed. */
export class ListeningError extends Error {
  override readonly name = 'ListeningError';
  /** The system's name of the failure, such as `EADDRINUSE`. */
  readonly code: string;
  /** JSON pointer to the setting. */
  readonly pointer: string;

  constructor(place: ListeningPlace, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? 'unknown';
    const { pointer, reason, remedy } = explain(code, place);
    const value = pointer === '/server_port' ? String(place.port) : JSON.stringify(place.host);
    const where = `${pointer} of the configuration ${JSON.stringify(place.file)}`;
    super(`Cannot listen on ${place.host}, port ${place.port}: ${reason} (${code}). ${where} is ${value}: ${remedy}`, { cause });
    this.code = code;
    this.pointer = pointer;
  }
}

interface Explanation {
  readonly pointer: string;
  readonly reason: string;
  readonly remedy: string;
}

function explain(code: string, place: ListeningPlace): Explanation {
  const { port } = place;
  if (code === 'EADDRINUSE') {
    const remedy = `stop the process that listens there, or ${setPort(place, port + OTHER_PORT_STEP)}`;
    return { pointer: '/server_port', reason: 'another process has this port', remedy };
  }
  if (code === 'EACCES') {
    const isPrivileged = port <= PRIVILEGED_PORT_MAX;
    const why = isPrivileged ? `only a privileged process may have a port up to ${PRIVILEGED_PORT_MAX}` : 'the system forbids it';
    const other = setPort(place, PRIVILEGED_PORT_MAX + OTHER_PORT_STEP);
    const remedy = `${other} or above, or start it with the capability CAP_NET_BIND_SERVICE`;
    return { pointer: '/server_port', reason: why, remedy };
  }
  const remedy = 'set "server_host" to an address of this machine, such as "127.0.0.1", or to "0.0.0.0" or "::" for all of them';
  const isName = code === 'ENOTFOUND' || code === 'EAI_AGAIN';
  return { pointer: '/server_host', reason: isName ? 'no address is known for this name' : 'this machine has no such address', remedy };
}

function setPort({ file, isFileThere, isAdopting = false }: ListeningPlace, port: number): string {
  if (isFileThere) return `set "server_port" to another one, such as ${port}`;
  const minimal = JSON.stringify({ version: 1, server_port: port, projects: isAdopting ? [] : [{ id: FIRST_PROJECT_ID }] });
  const write = `write ${minimal} to ${JSON.stringify(file)}, which is not there yet, with a port of your choice`;
  return isAdopting ? `${write}, and repeat "${programCommand(['serve', '--config', file, '--adopt'])}"` : write;
}
