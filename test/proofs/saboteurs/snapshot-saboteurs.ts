/** Saboteurs of snapshots, of reading values from disk, and of removing and compressing segments. */
import type { Saboteur } from './saboteur.js';

const SNAPSHOT_FOLDER = 'src/projections/snapshot/snapshot-folder.ts';
const COMPACTION = 'src/projects/compaction/project-compaction.ts';
const RETENTION = 'src/projects/compaction/retention.ts';
const ERASURE = 'src/projects/compaction/project-erasure.ts';
const SEALED_SEGMENTS = 'src/log/file/segment/sealed-segments.ts';

/** They live in compaction, in snapshots and in sealed segments. */
export const SNAPSHOT_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'skip-the-crc-of-values-in-threads',
    changes: [{
      file: 'src/projections/snapshot/checked-entries.ts',
      find: 'if (crcOfRange(value) !== line.crc)',
      replace: 'if (crcOfRange(value) < 0)',
    }],
    tests: ['projections/snapshot/checked-entries'],
  },
  {
    name: 'lose-the-tags-of-a-snapshot',
    changes: [{
      file: 'src/projections/snapshot/change-block.ts',
      find: 'into.writeUInt32LE(tag, at + TAG_AT);',
      replace: 'into.writeUInt32LE(tag * 0, at + TAG_AT);',
    }],
    tests: ['e2e/etags.e2e', 'projections/snapshot/build-snapshot'],
  },
  {
    name: 'lose-the-expiries-of-a-snapshot',
    changes: [{
      file: 'src/projections/snapshot/change-block.ts',
      find: 'into.writeDoubleLE(expiresAtMs ?? Infinity, at + EXPIRY_AT);',
      replace: 'into.writeDoubleLE(expiresAtMs === null ? Infinity : Infinity, at + EXPIRY_AT);',
    }],
    tests: ['projections/snapshot/build-snapshot', 'offline/build-state'],
  },
  {
    name: 'leave-the-values-of-touched-keys-behind',
    changes: [{
      file: 'src/projections/key-values.ts',
      find: '!isTouchedSince(known, place)',
      replace: 'isTouchedSince.length > 0',
    }],
    tests: ['projections/relocated-values'],
  },
  {
    name: 'believe-any-expire-line',
    changes: [{
      file: 'src/projections/key-values.ts',
      find: 'invariant(hasExpired(expiresAtMs, timeMs),',
      replace: 'invariant(hasExpired(0, timeMs) || expiresAtMs !== null,',
    }],
    tests: ['projections/key-values-expiry'],
  },
  {
    name: 'lose-the-requests-of-a-snapshot',
    changes: [{
      file: 'src/projects/load-snapshot.ts',
      find: 'for (const request of group) model.requests.add(request);',
      replace: 'for (const request of group) void request;',
    }],
    tests: ['projects/compaction/remembered-requests'],
  },
  {
    name: 'commit-a-snapshot-before-its-data',
    changes: [{
      file: 'src/projections/snapshot/snapshot-writer.ts',
      find: 'await this.#json.finish(isDurable);',
      replace: 'await this.#json.finish(false);',
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'commit-a-snapshot-before-the-names-of-its-data',
    changes: [{
      file: SNAPSHOT_FOLDER,
      find: 'writeNewFile(this.#disk, temporary, bytes)',
      statement: 'await writeNewFile(this.#disk, temporary, bytes);',
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'answer-before-a-snapshot-is-committed',
    changes: [{
      file: SNAPSHOT_FOLDER,
      find: 'this.#disk.rename(temporary,',
      statement: `await this.#disk.rename(temporary, this.#path(seq, 'manifest'));`,
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'remove-the-data-before-the-manifest',
    changes: [{
      file: SNAPSHOT_FOLDER,
      find: `this.#disk.unlink(this.#path(seq, 'manifest'))`,
      before: `await this.#disk.unlink(this.#path(seq, 'json'));`,
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'leave-a-moment-without-the-snapshot-file',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: 'this.#disk.rename(temporary, this.#path)',
      before: 'await this.#disk.unlink(this.#path);',
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'let-the-readable-snapshot-be-the-snapshot',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: 'copyFile(this.#disk,',
      statement: 'await this.#disk.link(join(this.#folder, source), temporary);',
    }],
    tests: ['projections/snapshot/readable-snapshot'],
  },
  {
    name: 'show-a-snapshot-that-was-not-checked',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: 'checkWhole(this.#disk,',
      statement: 'signal?.throwIfAborted();',
    }],
    tests: ['projections/snapshot/readable-snapshot'],
  },
  {
    name: 'take-any-readable-snapshot-of-the-size-for-current',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: '|| Math.abs(shown.modifiedMs - values.modifiedMs) >=',
      replace: '|| Infinity <',
    }],
    tests: ['projections/snapshot/readable-snapshot'],
  },
  {
    name: 'take-the-first-bad-reading-for-damage',
    changes: [{ file: 'src/projections/value-loader.ts', find: 'if (isSecond) {', replace: 'if (isSecond || file !== 0) {' }],
    tests: ['projections/value-loader'],
  },
  {
    name: 'remove-a-snapshot-that-nothing-replaces',
    changes: [{
      file: COMPACTION,
      find: '!(await hasLines(log, { afterSeq: candidate.seq,',
      statement: 'if (damages.has(candidate)) continue;',
    }, {
      file: COMPACTION,
      find: 'return (await hasLines(log, { afterSeq: 0,',
      statement: 'return [];',
    }],
    tests: ['projects/compaction/damaged-snapshot'],
  },
  {
    name: 'snapshot-past-durable',
    changes: [{ file: COMPACTION, find: 'await log.sync()', statement: '' }],
    tests: ['projects/compaction/project-compaction'],
  },
  {
    name: 'commit-without-comparing',
    changes: [{ file: COMPACTION, find: 'refuseMismatch(point, built)', statement: '' }],
    tests: ['projects/compaction/project-compaction'],
  },
  {
    name: 'remove-a-snapshot-that-is-being-read',
    changes: [{ file: COMPACTION, find: 'store.reads.settleReads()', statement: '' }],
    tests: ['projects/compaction/project-compaction'],
  },
  {
    name: 'remove-the-base-of-a-log',
    changes: [{
      file: 'src/projections/snapshot/obsolete-generations.ts', find: '.filter(({ isBase }) => !(isBase && keepBase))', replace: '',
    }],
    tests: ['projections/snapshot/obsolete-generations'],
  },
  {
    name: 'remove-segments-that-only-one-snapshot-covers',
    changes: [{
      file: RETENTION, find: 'segment.lastSeq > coverage.fallbackSeq', replace: 'segment.lastSeq > coverage.newestSeq',
    }, {
      file: RETENTION,
      find: 'segment.lastSeq > (await coverage.proveFallback())', replace: 'segment.lastSeq > coverage.newestSeq',
    }],
    tests: ['projects/compaction/retention'],
  },
  {
    name: 'erase-before-the-line-is-on-disk',
    changes: [{ file: 'src/store/batch-turn.ts', find: `|| op === 'redact';`, replace: ';' }],
    tests: ['projects/compaction/project-erasure.crash'],
  },
  {
    name: 'believe-an-erased-line-of-any-length',
    changes: [{ file: 'src/log/line-format.ts', find: 'sizeBytes !== erasure.sizeBytes', replace: 'sizeBytes < 0' }],
    tests: ['log/file/erased-log'],
  },
  {
    name: 'leave-the-older-snapshots',
    changes: [{ file: ERASURE, find: 'await snapshots.remove(seq);', replace: '' }],
    tests: ['projects/compaction/project-erasure', 'projects/redaction'],
  },
  {
    name: 'remove-segments-without-a-record',
    changes: [{
      file: RETENTION,
      find: `registry.record({ op: 'segment.removed',`,
      statement: '',
    }],
    tests: ['projects/compaction/retention'],
  },
  {
    name: 'compress-without-comparing',
    changes: [{ file: SEALED_SEGMENTS, find: 'if (found !== wanted) throw', replace: 'if (found === undefined) throw' }],
    tests: ['log/file/segment/sealed-segments'],
  },
  {
    name: 'remove-the-plain-segment-before-the-compressed-one',
    changes: [{
      file: SEALED_SEGMENTS,
      find: 'disk.rename(paths.compressing,',
      before: 'await changeFolder(disk, paths.folder, () => disk.unlink(segmentFile(paths, segment).path));',
    }],
    tests: ['log/file/segment/sealed-segments.crash'],
  },
  {
    name: 'believe-what-a-run-file-gives-back',
    changes: [{ file: 'src/projections/snapshot/run-file.ts', find: 'count !== sizeBytes || crc32(bytes) !== crc', replace: 'count < 0' }],
    tests: ['projections/snapshot/build-snapshot'],
  },
  {
    name: 'skip-the-crc-of-cold-reads',
    changes: [{
      file: 'src/projections/value-loader.ts', find: 'if (crc32(bytes) !== crc) throw', replace: 'if (bytes.length < 0) throw',
    }],
    tests: ['projections/value-loader'],
  },
];
