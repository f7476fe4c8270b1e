/**
 * The server cannot listen on its port or address: which setting says so, and how to change it.
 */
import { programCommand } from '../base/program-command.js';
import type { ConfigDocument } from './config-document.js';
import type { OutsideSetting } from './outside-settings.js';

/** Highest port that only a privileged process may listen on. */
const PRIVILEGED_PORT_MAX = 1023;

/** Where the server tried to listen, and the configuration that says so. */
interface ListenAttempt {
  readonly host: string;
  readonly port: number;
  /** Absolute path of the configuration. */
  readonly file: string;
  /** The document of a first run, which is not written yet, so there is no file to edit; undefined if the file exists. */
  readonly unwritten: ConfigDocument | undefined;
  /** Settings that override those of the file. @default none */
  readonly outside?: readonly OutsideSetting[];
}

/** The server cannot listen. Nothing was written, and no API key was printed. */
export class ListeningError extends Error {
  override readonly name = 'ListeningError';
  /** The system's error code, such as `EADDRINUSE`. */
  readonly code: string;
  /** JSON pointer to the setting. */
  readonly pointer: string;

  constructor(attempt: ListenAttempt, cause: NodeJS.ErrnoException) {
    const { host, port, file, outside = [] } = attempt;
    const code = cause.code ?? 'unknown';
    const { pointer, reason, remedy } = explain(code, attempt);
    const value = pointer === '/server_port' ? String(port) : JSON.stringify(host);
    const source = outside.find(({ path }) => `/${path}` === pointer)?.source;
    const setting = source ?? `${pointer} of the configuration ${JSON.stringify(file)}`;
    super(`Cannot listen on ${host}, port ${port}: ${reason} (${code}). ${setting} is ${value}: ${remedy}`, { cause });
    this.code = code;
    this.pointer = pointer;
  }
}

interface Explanation {
  readonly pointer: string;
  readonly reason: string;
  readonly remedy: string;
}

function explain(code: string, attempt: ListenAttempt): Explanation {
  const { port } = attempt;
  if (code === 'EADDRINUSE') {
    const remedy = `stop the process that listens there, or ${setPort(attempt, port + 1)}`;
    return { pointer: '/server_port', reason: 'another process uses this port', remedy };
  }
  if (code === 'EACCES') {
    const isPrivileged = port <= PRIVILEGED_PORT_MAX;
    const reason = isPrivileged ? `ports up to ${PRIVILEGED_PORT_MAX} are reserved for privileged processes` : 'permission denied';
    const remedy = `${setPort(attempt, PRIVILEGED_PORT_MAX + 1)} or above, or start it with the capability CAP_NET_BIND_SERVICE`;
    return { pointer: '/server_port', reason, remedy };
  }
  const source = attempt.outside?.find(({ path }) => path === 'server_host')?.source ?? '"server_host"';
  const remedy = `set ${source} to an address of this machine, such as "127.0.0.1", or to "0.0.0.0" or "::" for all of them`;
  const isName = code === 'ENOTFOUND' || code === 'EAI_AGAIN';
  return { pointer: '/server_host', reason: isName ? 'this name has no known address' : 'this machine has no such address', remedy };
}

function setPort({ file, unwritten, outside = [] }: ListenAttempt, port: number): string {
  const source = outside.find(({ path }) => path === 'server_port')?.source;
  if (source !== undefined) return `set ${source} to another one, such as ${port}`;
  if (unwritten === undefined) return `set "server_port" to another one, such as ${port}`;
  const projects = unwritten.projects.map(({ id }) => ({ id }));
  const minimal = JSON.stringify({ version: unwritten.version, server_port: port, projects });
  const write = `write ${minimal} to ${JSON.stringify(file)}, which does not exist yet, with a port of your choice`;
  // Without a project of its own, the first run adopts those of the data folder.
  return projects.length > 0 ? write : `${write}, and repeat "${programCommand(['serve', '--config', file, '--adopt'])}"`;
}
