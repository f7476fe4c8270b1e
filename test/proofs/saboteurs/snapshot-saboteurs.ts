/** Saboteurs of snapshots, of reading values from disk, and of removing and compressing segments. */
import type { Saboteur } from './saboteur.js';

const SNAPSHOT_FOLDER = 'src/projections/snapshot/snapshot-folder.ts';
const COMPACTION = 'src/projects/project-compaction.ts';
const SEALED_SEGMENTS = 'src/log/file/sealed-segments.ts';

/** They live in compaction, in snapshots and in sealed segments. */
export const SNAPSHOT_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'commit-a-snapshot-before-its-data',
    changes: [{
      file: 'src/projections/snapshot/snapshot-writer.ts',
      find: 'await this.#json.finish(true);',
      replace: 'await this.#json.finish(false);',
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'commit-a-snapshot-before-the-names-of-its-data',
    changes: [{
      file: SNAPSHOT_FOLDER,
      find: 'await changeFolder(this.#disk, this.#folder, () => writeNewFile(this.#disk, temporary, bytes));',
      replace: 'await writeNewFile(this.#disk, temporary, bytes);',
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'answer-before-a-snapshot-is-committed',
    changes: [{
      file: SNAPSHOT_FOLDER,
      find: `await changeFolder(this.#disk, this.#folder, () => this.#disk.rename(temporary, this.#path(seq, 'manifest')));`,
      replace: `await this.#disk.rename(temporary, this.#path(seq, 'manifest'));`,
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'remove-the-data-before-the-manifest',
    changes: [{
      file: SNAPSHOT_FOLDER,
      find: `await changeFolder(this.#disk, this.#folder, () => this.#disk.unlink(this.#path(seq, 'manifest')));`,
      replace: `await this.#disk.unlink(this.#path(seq, 'json'));
    await changeFolder(this.#disk, this.#folder, () => this.#disk.unlink(this.#path(seq, 'manifest')));`,
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'leave-a-moment-without-the-snapshot-file',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: 'await changeFolder(this.#disk, dirname(this.#path), () => this.#disk.rename(temporary, this.#path));',
      replace: `await this.#disk.unlink(this.#path);
      await changeFolder(this.#disk, dirname(this.#path), () => this.#disk.rename(temporary, this.#path));`,
    }],
    tests: ['projections/snapshot/kill-points.crash'],
  },
  {
    name: 'let-the-readable-snapshot-be-the-snapshot',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: 'await copyFile(this.#disk, { from: join(this.#folder, source), to: temporary }, signal);',
      replace: 'await this.#disk.link(join(this.#folder, source), temporary);',
    }],
    tests: ['projections/snapshot/readable-snapshot'],
  },
  {
    name: 'show-a-snapshot-that-was-not-checked',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: 'await checkWhole(this.#disk, { folder: this.#folder, name, shownName: source, content: json }, { signal });',
      replace: 'signal?.throwIfAborted();',
    }],
    tests: ['projections/snapshot/readable-snapshot'],
  },
  {
    name: 'take-any-readable-snapshot-of-the-size-for-current',
    changes: [{
      file: 'src/projections/snapshot/readable-snapshot.ts',
      find: ' || Math.abs(shown.modifiedMs - values.modifiedMs) >= TIME_ROUNDING_MS',
      replace: '',
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
      find: '      if (damages.has(candidate) || !(await hasLines(log, { afterSeq: candidate.seq, toSeq }, signal))) continue;\n',
      replace: '      if (damages.has(candidate)) continue;\n',
    }, {
      file: COMPACTION,
      find: '    return (await hasLines(log, { afterSeq: 0, toSeq }, signal)) ? [] : undefined;\n',
      replace: '    return [];\n',
    }],
    tests: ['projects/damaged-snapshot'],
  },
  {
    name: 'snapshot-past-durable',
    changes: [{ file: COMPACTION, find: '    await log.sync();\n', replace: '' }],
    tests: ['projects/project-compaction'],
  },
  {
    name: 'commit-without-comparing',
    changes: [{ file: COMPACTION, find: '      refuseMismatch(point, built);\n', replace: '' }],
    tests: ['projects/project-compaction'],
  },
  {
    name: 'remove-a-snapshot-that-is-being-read',
    changes: [{ file: COMPACTION, find: '    await store.settleReads();\n', replace: '' }],
    tests: ['projects/project-compaction'],
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
      file: 'src/projects/retention.ts', find: 'segment.lastSeq > coverage.fallbackSeq', replace: 'segment.lastSeq > coverage.newestSeq',
    }, {
      file: 'src/projects/retention.ts',
      find: 'segment.lastSeq > (await coverage.proveFallback())', replace: 'segment.lastSeq > coverage.newestSeq',
    }],
    tests: ['projects/retention'],
  },
  {
    name: 'remove-segments-without-a-record',
    changes: [{
      file: 'src/projects/retention.ts',
      find: `  await journal.record({ op: 'segment.removed', id: log.project, log_id: log.logId, ...facts }, context);\n`,
      replace: '',
    }],
    tests: ['projects/retention'],
  },
  {
    name: 'compress-without-comparing',
    changes: [{ file: SEALED_SEGMENTS, find: 'if (found !== wanted) throw', replace: 'if (found === undefined) throw' }],
    tests: ['log/file/sealed-segments'],
  },
  {
    name: 'remove-the-plain-segment-before-the-compressed-one',
    changes: [{
      file: SEALED_SEGMENTS,
      find: '    await changeFolder(disk, paths.folder, () => disk.rename(paths.compressing, packed.path));\n',
      replace: `    await changeFolder(disk, paths.folder, () => disk.unlink(sealedFile(paths, segment).path));
    await changeFolder(disk, paths.folder, () => disk.rename(paths.compressing, packed.path));\n`,
    }],
    tests: ['log/file/sealed-segments.crash'],
  },
  {
    name: 'believe-what-the-log-gives-back',
    changes: [{
      file: 'src/projections/snapshot/build-snapshot.ts',
      find: 'if (bytes.length !== place.sizeBytes || crc32(bytes) !== crc) throw',
      replace: 'if (bytes.length < 0) throw',
    }],
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
