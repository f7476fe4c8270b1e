/**
 * Opens the port, and says what to do if it cannot be opened.
 */
import { isErrno } from '../base/app-error.js';
import { ListeningError } from '../config/listening-error.js';
import type { StartSource } from '../config/start-source.js';
import type { HttpOptions } from '../http/http-options.js';
import type { HttpServer } from '../http/http-server.js';

/**
 * Starts to listen on the configured port.
 *
 * @returns the URL, such as `http://127.0.0.1:23849`
 * @throws {ListeningError} if it cannot
 */
export async function listen(http: HttpServer, options: HttpOptions, { path: file, first, outside }: StartSource): Promise<string> {
  try {
    const { address, port } = await http.listen();
    const name = address.includes(':') ? `[${address}]` : address;
    return `${options.tls === null ? 'http' : 'https'}://${name}:${port}`;
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    const { host, port } = options;
    throw new ListeningError({ host, port, file, unwritten: first?.document, outside }, cause);
  }
}
