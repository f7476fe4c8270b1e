/**
 * The program of the bare contenders: node:http and nothing that could be left out. GET answers from a Map. PUT reads the body, parses it
 * and stores nothing; with `--append` it appends the body to a file instead, and answers when that is on disk.
 *
 * Usage: `node bare-server.js PORT [--keys N --value-bytes N --prefix PATH] [--append FILE] [--listing FILE]`. With `--listing`, the
 * path `/listing` has the bytes of that file.
 */
import { fdatasync, openSync, readFileSync, write } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { keyOf, valueOf } from './contender.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'keys': { type: 'string', default: '0' },
    'value-bytes': { type: 'string', default: '100' },
    'prefix': { type: 'string', default: '/' },
    'append': { type: 'string' },
    'listing': { type: 'string' },
  },
});
const values = new Map<string, string | Buffer>();
for (let index = 0; index < Number(options.keys); index += 1) {
  values.set(options.prefix + keyOf(index), valueOf(Number(options['value-bytes'])));
}
if (options.listing !== undefined) values.set('/listing', readFileSync(options.listing));
const log = options.append === undefined ? undefined : openSync(options.append, 'a');

const server = createServer((request, response) => {
  if (request.method === 'GET') return answer(response, values.get(request.url ?? ''));
  readBody(request, (body) => {
    if (log === undefined) {
      JSON.parse(body.toString());
      answer(response, '{"stored":false}');
    } else {
      append(log, body, () => answer(response, '{"stored":true}'));
    }
  });
});
server.listen(Number(positionals[0]), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));

function answer(response: ServerResponse, value: string | Buffer | undefined): void {
  response.writeHead(value === undefined ? 404 : 200, { 'content-type': 'application/json', 'content-length': value?.length ?? 0 });
  response.end(value);
}

function readBody(request: IncomingMessage, then: (body: Buffer) => void): void {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => then(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)));
}

/** One after another, as the one connection sends them. */
function append(descriptor: number, body: Buffer, then: () => void): void {
  write(descriptor, body, (writeError) => {
    if (writeError !== null) throw writeError;
    fdatasync(descriptor, (syncError) => {
      if (syncError !== null) throw syncError;
      then();
    });
  });
}
