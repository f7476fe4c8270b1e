/**
 * Raw bytes over a socket, for requests that no HTTP client sends.
 */
import { connect, type Socket } from 'node:net';
import { checkAnswer, type CheckedAnswer } from '../api/check-answer.js';

/** The response on a connection. */
export interface RawExchange {
  readonly text: string;
  /** True if the peer closed the connection normally, not with a reset. */
  readonly endedInOrder: boolean;
}

/** How to end an exchange. */
export interface RawOptions {
  /** Close our side after writing. */
  readonly half?: boolean;
  /** Leave once there is a whole answer, for connections that stay open. */
  readonly untilAnswer?: boolean;
  /** Longest wait in milliseconds. */
  readonly waitMs?: number;
  /** False where another handler than that of the program answers. @default true */
  readonly isDocumented?: boolean;
}

const DEFAULT_WAIT_MS = 8000;

/** Opens a connection. */
export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Writes bytes to a new connection and returns everything received until the peer closes it, or until the end of the answer. */
export async function exchange(
  port: number,
  bytes: string | Buffer,
  { half = false, untilAnswer = false, waitMs = DEFAULT_WAIT_MS, isDocumented = true }: RawOptions = {},
): Promise<RawExchange> {
  const [, method = '', target = ''] = /^(\S+) (\S+)/.exec(bytes.toString('latin1')) ?? [];
  const isWhole = (text: string): boolean => untilAnswer && firstAnswer(text, method) !== undefined;
  const received = await receive(await open(port), bytes, { half, waitMs, isWhole });
  const answer = isDocumented ? firstAnswer(received.text) : undefined;
  if (answer === undefined) return received;
  checkAnswer(method, target, answer);
  return received;
}

interface Receiving extends Required<Pick<RawOptions, 'half' | 'waitMs'>> {
  readonly isWhole: (text: string) => boolean;
}

function receive(socket: Socket, bytes: string | Buffer, { half, waitMs, isWhole }: Receiving): Promise<RawExchange> {
  return new Promise((resolve) => {
    let text = '';
    let ended = false;
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, endedInOrder: ended });
    };
    const timer = setTimeout(finish, waitMs);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (isWhole(text)) finish();
    });
    socket.on('end', () => {
      ended = true;
      finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    if (half) socket.end();
  });
}

/** The first whole answer that is not informational; undefined for none. That to HEAD has a length without a body. */
function firstAnswer(text: string, method?: string): CheckedAnswer | undefined {
  const found = /^HTTP\/1\.1 (\d{3})[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n/.exec(text);
  if (found === null) return undefined;
  const [head, status = '', lines = ''] = found;
  const rest = text.slice(head.length);
  if (status.startsWith('1')) return firstAnswer(rest, method);
  const headers = Object.fromEntries(lines.trimEnd().split('\r\n').map((line) => {
    const [name = '', ...value] = line.split(':');
    return [name.toLowerCase(), value.join(':').trim()];
  }));
  const length = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0);
  // An answer in parts is left to the clients that put them together.
  if (headers['transfer-encoding'] !== undefined || rest.length < length) return undefined;
  return { status: Number(status), headers, text: Buffer.from(rest.slice(0, length), 'latin1').toString('utf8') };
}

/** The status of the first answer in a text; 0 for none. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}

/** The problem code in a raw answer. */
export function codeOf(text: string): string | undefined {
  return /"code":"([a-z_0-9]+)"/.exec(text)?.[1];
}
