/**
 * What SimpleKV is compared with: the least that a durable key-value server over node:http can do. A Map answers GET.
 * PUT appends one line to a file and answers when it is on disk; all that wait share one write and one fdatasync, as
 * in SimpleKV. No API keys, no history, no hashes, no checks, no recovery.
 *
 * Usage: `node bare-server.js FILE PREFIX`. Prints the port that it took on 127.0.0.1.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface WaitingLine {
  readonly line: string;
  readonly answer: () => void;
}

const [, , file = '', prefix = ''] = process.argv;
const values = new Map<string, string>();
const log = await open(file, 'a');
let waiting: WaitingLine[] = [];
let isWriting = false;

const server = createServer((request, response) => {
  const key = decodeURIComponent((request.url ?? '').slice(prefix.length));
  if (request.method === 'GET') answerGet(response, values.get(key));
  else readBody(request, (body) => append(key, body, response));
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => process.exit(0));

function answerGet(response: ServerResponse, value: string | undefined): void {
  response.writeHead(value === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(value ?? 'null');
}

function readBody(request: IncomingMessage, then: (body: string) => void): void {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => then(Buffer.concat(pieces).toString('utf8')));
}

function append(key: string, body: string, response: ServerResponse): void {
  waiting.push({
    line: `{"key":${JSON.stringify(key)},"value":${body}}\n`,
    answer: () => {
      values.set(key, body);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"key":${JSON.stringify(key)}}`);
    },
  });
  if (!isWriting) void writeWaiting(log);
}

async function writeWaiting(handle: FileHandle): Promise<void> {
  isWriting = true;
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    await handle.write(batch.map(({ line }) => line).join(''));
    await handle.datasync();
    for (const { answer } of batch) answer();
  }
  isWriting = false;
}
