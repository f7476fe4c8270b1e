/** Saboteurs of the way from a command to the disk and back: what is promised when a write is answered. */
import type { Saboteur } from './saboteur.js';

const FILE_LOG = 'src/log/file/file-log.ts';
const SEALING = 'src/log/file/segment-sealing.ts';
const SYNCS = 'src/log/file/sync-keeper.ts';
const TURN = 'src/store/batch-turn.ts';

/** They live in the store and in the writer of the log. */
export const WRITING_SABOTEURS: readonly Saboteur[] = [
  {
    name: 'answer-before-sync',
    changes: [{
      file: FILE_LOG,
      find: 'if (isDurable) await this.#syncs.sync(',
      statement: 'if (isDurable) this.#syncs.sync(this.#segment, batch.end).catch(() => undefined);',
    }],
    tests: ['log/file/kill-points.crash', 'log/file/file-log'],
  },
  {
    name: 'apply-before-sync',
    changes: [
      // First, since the second one adds a call of the same name.
      { file: TURN, find: 'this.#model.apply(', statement: '' },
      {
        file: TURN,
        find: 'if (drafts.length > 0) appended =',
        statement: `const before = this.#model.lastSeq;
      let seq = before;
      for (const [index, decision] of decisions.entries()) {
        if (!decision.accepted) continue;
        seq += 1;
        this.#model.apply({ event: decision.event, seq, timeMs: 0, hash: '0'.repeat(64), actor: batch[index].context.actor });
      }
      if (drafts.length > 0) appended = await this.log.append(drafts, before, { isDurable });`,
      },
    ],
    tests: ['store/project-store'],
  },
  {
    name: 'carry-out-a-request-again',
    changes: [{ file: TURN, find: 'if (known !== undefined) return known;', statement: '' }],
    tests: ['store/repeated-requests'],
  },
  {
    name: 'take-another-request-for-a-repetition',
    changes: [{ file: 'src/store/repeated-requests.ts', find: 'if (!isSame) return reused();', statement: '' }],
    tests: ['store/repeated-requests'],
  },
  {
    name: 'forget-the-requests-of-the-turn',
    changes: [{ file: TURN, find: 'repeated?.add(waiting, decision, line);', statement: '' }],
    tests: ['store/repeated-requests'],
  },
  {
    name: 'retry-failed-sync',
    changes: [{
      file: SYNCS,
      find: 'await segment.datasync();',
      replace: 'await segment.datasync().catch(() => segment.datasync());',
    }],
    tests: ['log/file/io-errors.crash'],
  },
  {
    // Each of these guards is enough by itself.
    name: 'close-a-file-under-a-queued-sync',
    changes: [
      { file: 'src/disk/descriptor.ts', find: 'Promise.allSettled(this.#pending)', statement: '' },
      { file: 'src/disk/held-file.ts', find: 'if (this.#users > 0) await', replace: 'if (this.#users < 0) await' },
      { file: SYNCS, find: 'if (end.seq > this.#synced.seq) await this.#syncNow', replace: 'await this.#syncNow' },
      { file: SYNCS, find: 'if (!isSyncMade(cause))', statement: '' },
    ],
    tests: ['proofs/faults/busy-logs.crash'],
  },
  {
    name: 'answer-settings-before-their-sync',
    changes: [{ file: TURN, find: 'isDurable = plan.lines.some(mustBeDurable);', replace: 'isDurable = false;' }],
    tests: ['store/project-store'],
  },
  {
    name: 'go-on-after-failed-sync',
    changes: [{ file: FILE_LOG, find: `if (this.#state !== 'closed') this.#enter('failed');`, replace: '' }],
    tests: ['log/file/io-errors.crash'],
  },
  {
    name: 'ignore-short-write',
    changes: [{ file: 'src/disk/disk.ts', find: 'if (written !== bytes.length) throw', replace: 'if (written < 0) throw' }],
    tests: ['log/file/io-errors.crash'],
  },
  {
    name: 'leave-failed-write-in-place',
    changes: [{ file: 'src/log/file/segment/active-segment.ts', find: 'await file.truncate(this.#sizeBytes);', replace: 'return;' }],
    tests: ['log/file/io-errors.crash'],
  },
  {
    name: 'skip-sync-of-folders',
    changes: [{ file: 'src/disk/disk.ts', find: 'folder.sync()', statement: '' }],
    tests: ['log/file/kill-points.crash'],
  },
  {
    name: 'skip-sync-of-new-files',
    changes: [{ file: 'src/disk/disk.ts', find: 'file.datasync()', statement: '' }],
    tests: ['log/file/kill-points.crash'],
  },
  {
    name: 'durable-off-by-one-batch',
    changes: [{
      file: FILE_LOG, find: 'durable: this.#syncs.synced.seq }', replace: 'durable: Math.max(0, this.#syncs.synced.seq - drafts.length) }',
    }],
    tests: ['log/file/file-log'],
  },
  {
    name: 'head-before-sync',
    changes: [{
      file: FILE_LOG,
      find: 'await this.#segment.append(bytes);',
      before: 'this.#head.note(batch.end); await this.#head.flush();',
    }],
    tests: ['log/file/kill-points.crash'],
  },
  {
    name: 'seal-without-sync',
    changes: [{ file: SEALING, find: 'this.#syncs.syncSeal(', statement: '' }],
    tests: ['log/file/kill-points.crash'],
  },
  {
    name: 'write-to-a-file-that-another-program-changed',
    changes: [{
      file: 'src/log/file/segment/active-segment.ts',
      find: 'this.#endBytes = endBytes + bytes.length;',
      replace: 'this.#endBytes = endBytes + bytes.length; return;',
    }],
    tests: ['log/file/two-writers'],
  },
  {
    name: 'answer-before-write',
    changes: [
      {
        file: FILE_LOG,
        find: 'await this.#segment.append(bytes);',
        replace: `const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.late = (globalThis.late ?? Promise.resolve()).then(wait).then(() => this.#segment.append(bytes)).catch(() => undefined);`,
      },
    ],
    tests: ['e2e/kill.crash'],
  },
  {
    name: 'decide-without-the-batch',
    changes: [{ file: 'src/store/batch-state.ts', find: 'if (version !== undefined) return version;', replace: '' }],
    tests: ['proofs/linearizability/recorded-histories.crash', 'store/batch-state'],
  },
  {
    name: 'ignore-conditions',
    changes: [{
      file: 'src/store/decide.ts',
      find: 'if (holds(found, precondition))',
      statement: 'return undefined;',
    }],
    tests: ['proofs/linearizability/recorded-histories.crash', 'store/decide'],
  },
  {
    name: 'match-a-version-of-another-line',
    changes: [{ file: 'src/store/decide.ts', find: 'precondition.tag === tag', replace: 'true' }],
    tests: ['e2e/etags.e2e', 'store/version-tags', 'store/decide'],
  },
  {
    name: 'carry-out-a-batch-in-two-lines',
    changes: [{
      file: 'src/store/project-store.ts',
      find: 'return this.#queue.add(command, context,',
      before: `if (command.type === 'batch' && command.steps.length > 1) {
      const part = (steps) => this.#queue.add({ ...command, steps }, context, () => this.#startTurns());
      const parts = [part(command.steps.slice(0, -1)), part(command.steps.slice(-1))];
      return Promise.all(parts).then(([first, last]) => ({ ...last, steps: [...first.steps, ...last.steps] }));
    }`,
    }],
    tests: ['e2e/kill.crash', 'proofs/linearizability/recorded-histories.crash'],
  },
  {
    name: 'write-half-of-a-batch',
    changes: [{
      file: TURN,
      find: 'encodeEvent(event)',
      replace: `encodeEvent(event.op === 'batch' ? { op: 'batch', ops: event.ops.slice(0, -1) } : event)`,
    }],
    tests: ['e2e/kill.crash', 'proofs/faults/faults.crash'],
  },
  {
    name: 'raise-the-format-a-batch-too-late',
    changes: [{
      file: SEALING,
      find: 'const isRaised = format > segment.format;',
      replace: 'const isRaised = format > segment.format && (this.late ??= { count: 0 }).count++ > 0;',
    }],
    tests: ['log/file/raised-format.crash'],
  },
  {
    name: 'answer-reads-from-a-cache',
    changes: [
      {
        file: 'src/http/routes/keys-routes.ts',
        find: 'const entry = store.reads.get(key);',
        statement: `const cached = cache.get(key);
  const entry = cached !== undefined && Date.now() - cached.atMs < 20 ? cached.entry : store.reads.get(key);
  if (cached?.entry !== entry) cache.set(key, { entry, atMs: Date.now() });`,
      },
      { file: 'src/http/routes/keys-routes.ts', find: 'const OK = 200;', before: 'const cache = new Map();' },
    ],
    tests: ['proofs/linearizability/recorded-histories.crash'],
  },
  {
    name: 'print-values-anew',
    changes: [{
      file: 'src/http/request-body.ts',
      find: 'text.replace(LINE_BREAKS',
      statement: 'return JSON.stringify(JSON.parse(text));',
    }],
    tests: ['http/request-body', 'e2e/values.e2e'],
  },
];
