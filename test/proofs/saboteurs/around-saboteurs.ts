/** Saboteurs of what surrounds the logs: API keys, the lives of projects, the configuration, the lock. */
import type { Saboteur } from './saboteur.js';

const CONFIG_FILE = 'src/config/config-file.ts';

/** They live in `auth`, `projects`, `config`, and in the removal and the lock of files. */
export const AROUND_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'accept-the-key-of-another-project',
    changes: [{ file: 'src/auth/authorize.ts', find: 'principal.project === project', replace: 'principal.project !== null' }],
    tests: ['auth/authorize', 'http/every-route-every-key'],
  },
  {
    name: 'keep-the-old-key',
    changes: [{ file: 'src/auth/keyring.ts', find: 'this.#indexOf(held).delete(', statement: '' }],
    tests: ['auth/keyring'],
  },
  {
    name: 'accept-a-made-up-key',
    changes: [{
      file: 'src/auth/keyring.ts',
      find: 'isGeneratedKey(presented)) return null;',
      statement: 'if (salt === undefined || isGeneratedKey(presented)) return [...this.#direct.values()][0]?.principal ?? null;',
    }],
    tests: ['auth/keyring'],
  },
  {
    name: 'replace-the-configuration-unsynced',
    changes: [{ file: 'src/config/temporary-file.ts', find: 'file.sync()', statement: '' }],
    tests: ['config/config-file.crash'],
  },
  {
    name: 'replace-the-configuration-without-its-folder',
    changes: [{ file: CONFIG_FILE, find: 'this.#uncertainText = text;', replace: 'this.#uncertainText = text; return;' }],
    tests: ['config/config-file.crash'],
  },
  {
    name: 'overwrite-an-edited-configuration',
    changes: [{ file: CONFIG_FILE, find: 'throw new ConfigChangedError(target);', replace: '{}' }],
    tests: ['config/config-file'],
  },
  {
    name: 'free-the-name-before-the-rest-is-moved',
    changes: [{
      file: 'src/log/file/removal/move-away.ts',
      find: 'moveIfThere(disk, paths.folder,',
      before: 'await moveIfThere(disk, paths.active, to.lastMoved);',
    }],
    tests: ['log/file/file-home'],
  },
  {
    name: 'take-the-folder-of-a-living-server',
    changes: [{
      file: 'src/log/file/folder-lock.ts',
      find: `if (found.kind === 'alive')`,
      statement: `if (found.kind === 'alive') return await rename(own, lock);`,
    }],
    tests: ['log/file/folder-lock'],
  },
  {
    name: 'create-over-files-of-the-same-name',
    changes: [{ file: 'src/log/file/file-home.ts', find: 'if (taken.length > 0) {', replace: 'if (taken.length < 0) {' }],
    tests: ['log/file/file-home'],
  },
  {
    name: 'write-on-after-an-uncertain-move',
    changes: [{ file: 'src/projects/changes/move-to-memory.ts', find: 'isOutcomeUnknown(error)', replace: '!(error instanceof AppError)' }],
    tests: ['projects/changes/move-project'],
  },
];
