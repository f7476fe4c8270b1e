/**
 * The registry of a backup that does not hold the server's own: a log that says of each project in the backup that it was restored from it.
 * Pure.
 */
import { systemClock } from '../../base/clock.js';
import { randomHexId } from '../../base/random-id.js';
import { ACTOR_SERVER } from '../../events/actor.js';
import { encodeEvent } from '../../events/codec.js';
import { encodeHeadFile } from '../../log/file/head-file.js';
import { LogPaths } from '../../log/file/log-paths.js';
import { encodeBatch } from '../../log/batch-encoder.js';
import { genesisHash } from '../../log/line-format.js';
import { NEWEST_FORMAT } from '../../log/log-format.js';
import type { BackupPlan } from '../../log/fixed-log.js';
import { encodeHeaderLine } from '../../log/segment-format.js';
import { eventsOfRestored } from '../registering-events.js';
import { REGISTRY } from '../registry.js';
import type { BackedUpLog } from './backup-manifest.js';

/** A registry, as files. */
interface MadeRegistry {
  readonly log: BackedUpLog;
  readonly files: readonly { readonly name: string; readonly bytes: Buffer }[];
}

/** Makes a registry of the projects of a backup. */
export function makeRegistry({ projects, timeMs }: Pick<BackupPlan, 'projects' | 'timeMs'>): MadeRegistry {
  const paths = new LogPaths('', REGISTRY);
  const logId = randomHexId();
  const genesis = genesisHash(REGISTRY, logId);
  const header = encodeHeaderLine({ format: NEWEST_FORMAT, project: REGISTRY, logId, firstSeq: 1, previousHash: genesis });
  const backupTime = new Date(timeMs).toISOString();
  const request = `backup-${randomHexId()}`;
  const drafts = projects.flatMap(({ project: id, logId: log_id, firstSeq: first_seq, isAfterBase, end }) => eventsOfRestored({
    id, log_id, first_seq, isAfterBase, last_seq: end.seq, last_hash: end.hash, backup_time: backupTime,
  })).map((event) => ({ ...encodeEvent(event), actor: ACTOR_SERVER, request }));
  const { text, end } = encodeBatch(drafts, { seq: 0, hash: genesis, durable: 0 }, systemClock.wallMs());
  return {
    log: { log_id: logId, first_seq: 1, last_seq: end.seq, last_hash: end.hash },
    files: [
      { name: paths.shown('head'), bytes: encodeHeadFile({ logId, ...end }) },
      { name: paths.activeName, bytes: Buffer.from(header + text) },
    ],
  };
}
