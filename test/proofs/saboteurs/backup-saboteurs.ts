/** Saboteurs of backups: what is copied is whole, and what is restored is what was copied. */
import type { Saboteur } from './saboteur.js';

/** They live in the leases, in the file of a backup and in the restore. */
export const BACKUP_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'accept-a-backup-with-other-digests',
    changes: [{
      file: 'src/offline/backup/read-backup.ts', find: 'stated.sha256 === sha256', replace: "stated.sha256 !== ''",
    }],
    tests: ['offline/backup/read-backup'],
  },
  {
    name: 'remove-files-that-are-being-copied',
    changes: [{
      file: 'src/projects/compaction/file-leases.ts', find: 'some(({ test }) => test(file))',
      replace: 'some(({ test }) => test(file) && this.#isKept.size < 0)',
    }],
    tests: ['projects/compaction/file-leases', 'projects/backup'],
  },
  {
    name: 'keep-the-files-of-a-backup-for-ever',
    changes: [{ file: 'src/http/routes/backup-routes.ts', find: 'exchange.onEnd(release)', statement: '' }],
    tests: ['http/routes/backup-routes'],
  },
  {
    name: 'copy-a-log-before-it-is-synced',
    changes: [{ file: 'src/projects/backup.ts', find: 'await lease.sync()', statement: '' }],
    tests: ['projects/backup'],
  },
  {
    name: 'forget-that-retention-shortened-a-restored-log',
    changes: [{
      file: 'src/offline/registering-events.ts', find: 'first_seq === 1 || isAfterBase', replace: 'first_seq >= 1 || isAfterBase',
    }],
    tests: ['offline/backup/read-backup', 'offline/backup/restore-backup'],
  },
  {
    name: 'bring-the-end-of-a-restored-log-first',
    changes: [{
      file: 'src/offline/backup/restore-backup.ts', find: 'const name of namesOfLog(id)',
      replace: 'const name of namesOfLog(id).toReversed()',
    }],
    tests: ['offline/backup/restore-backup.crash'],
  },
];
