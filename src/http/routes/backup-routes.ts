/**
 * Routes of backups: a backup is sent as it is read, as fast as its client takes it.
 */
import { BACKUP_MEDIA_TYPE } from '../../api/specs/backup.js';
import { commandContext } from '../authorization.js';
import type { OpenStream, OpenStreams } from '../events/open-streams.js';
import { type Answer, type Exchange, projectIdOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { PART_BYTES } from '../long-answers.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
/** How long a backup may take, in milliseconds. */
const BACKUP_MS_MAX = 21_600_000;

/** What the routes are answered with. */
type BackupParts = Pick<HttpParts, 'projects'> & { readonly streams: OpenStreams };

/** Returns the handlers. */
export function backupRoutes(parts: BackupParts): RouteHandlers<'backUpProject' | 'backUpServer'> {
  return {
    backUpProject: { handle: (exchange) => backUp(exchange, parts, projectIdOf(exchange)) },
    backUpServer: { handle: (exchange) => backUp(exchange, parts, undefined) },
  };
}

async function backUp(exchange: Exchange, { projects, streams }: BackupParts, id: string | undefined): Promise<Answer> {
  const stream = streams.open(exchange, 'backup', BACKUP_MS_MAX);
  const { pieces, release, sizeBytes, timeMs } = await projects.backup(id, commandContext(exchange));
  exchange.onEnd(release);
  const name = `simplekv-${id ?? 'all'}-${new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, '')}.tar`;
  const headers = [
    'Content-Type', BACKUP_MEDIA_TYPE, 'Content-Disposition', `attachment; filename="${name}"`, 'Cache-Control', 'no-store',
  ];
  if (exchange.request.method === 'HEAD') return { status: OK, headers, body: null, headBytes: sizeBytes };
  const send = (): Promise<void> => sendPieces(stream, pieces());
  return { status: OK, headers: [...headers, 'Content-Length', String(sizeBytes)], body: null, stream: send };
}

/**
 * A whole piece is more than a socket takes without waiting, so the system has it before the next one is read.
 *
 * @throws {Error} if the backup ends before its last byte, so that the connection breaks
 */
async function sendPieces(stream: OpenStream, pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of pieces) {
    for (let offset = 0; offset < piece.length; offset += PART_BYTES) {
      if (!stream.mayGoOn()) throw new Error(`The backup ended before its last byte: ${stream.reason ?? 'the client left'}`);
      await stream.write(piece.subarray(offset, offset + PART_BYTES));
    }
  }
  stream.finish();
}
