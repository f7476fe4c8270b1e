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
    changes: [{ file: CONFIG_FILE, find: "throw new AppError('config_changed', EDITED);", replace: '{}' }],
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
    name: 'revert-over-what-was-written-meanwhile',
    changes: [{ file: 'src/store/decide-revert.ts', find: 'if (moved.length > 0)', statement: '' }],
    tests: ['store/decide-revert'],
  },
  {
    name: 'bring-back-what-has-expired',
    changes: [{ file: 'src/store/decide-revert.ts', find: '&& !hasExpired(target.expiresAtMs, state.nowMs)', replace: '' }],
    tests: ['store/decide-revert'],
  },
  {
    name: 'call-equal-values-different',
    changes: [{ file: 'src/store/past-diff.ts', find: 'old[index] === young[index]', replace: 'old === young' }],
    tests: ['store/past-diff'],
  },
  {
    name: 'blame-an-older-line',
    changes: [{ file: 'src/store/past-diff.ts', find: 'isNewestFirst: true', replace: 'isNewestFirst: false' }],
    tests: ['store/past-diff'],
  },
  {
    name: 'write-on-after-an-uncertain-move',
    changes: [{ file: 'src/projects/changes/move-to-memory.ts', find: 'isOutcomeUnknown(error)', replace: '!(error instanceof AppError)' }],
    tests: ['projects/changes/move-project'],
  },
  {
    name: 'count-what-was-replaced',
    changes: [{
      file: 'src/projections/key-index/record-arena.ts',
      find: 'this.#countContent(chunk, indexOf(address), sizeBytes, -1);',
      replace: 'this.#countContent(chunk, indexOf(address), sizeBytes, chunk.live < 0 ? -1 : 1);',
    }],
    tests: ['store/quota'],
  },
  {
    name: 'judge-a-quota-without-the-turn',
    changes: [{
      file: 'src/store/batch-state.ts',
      find: 'this.#contentBytes += byteGrowth(this, change);',
      replace: 'this.#contentBytes += Math.min(byteGrowth(this, change), 0);',
    }],
    tests: ['store/quota', 'store/batch-state'],
  },
  {
    name: 'forgive-the-debt-of-a-batch',
    changes: [{
      file: 'src/http/rate-limits.ts',
      find: 'this.#refill().parts -= count * PARTS_PER_TOKEN;',
      replace: 'this.#refill().parts -= Math.min(count, this.remaining) * PARTS_PER_TOKEN;',
    }],
    tests: ['http/rate-limits'],
  },
];
