/** Which faults strike a life that made certain calls: every call, everything that can happen to it, once and for ever. */
import { CHANGING_METHODS, type DiskCall, type DiskMethod, type Fault, type FaultAction, type FaultDisk } from '../../disk/fault-disk.js';

/** Kinds of faults, and what is counted of each. */
export type FaultKind =
  | 'kill before' | 'kill after' | 'torn half' | 'EIO' | 'EIO for ever' | 'ENOSPC' | 'ENOSPC for ever' | 'short' | 'short for ever';

/** A fault that one life meets. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** Makes it wait on a disk. */
  plan(disk: FaultDisk): void;
}

/** Calls that need room. */
const GROWING_METHODS: readonly DiskMethod[] = ['append', 'overwrite', 'makeFolder', 'link', 'rename'];
const WRITING_METHODS: readonly DiskMethod[] = ['append', 'overwrite'];
/** A write that is torn or short takes less than this, whatever it was to write; lines and files are longer. */
const PART_BYTES = 300;

const part = { kill: { kind: 'kill', when: { bytes: PART_BYTES } }, short: { kind: 'short', bytes: PART_BYTES } } as const;
const errno = { EIO: { kind: 'errno', code: 'EIO' }, ENOSPC: { kind: 'errno', code: 'ENOSPC' } } as const;

/**
 * Says what can happen to one call. Several projects live at once, and timers go off between their calls, so the next life may make
 * another call under the same number: the first suitable one from there on is struck.
 *
 * @param call the call
 * @returns the faults
 */
export function faultsOf({ number, method }: DiskCall): readonly PlannedFault[] {
  const planned: PlannedFault[] = [];
  const add = (kind: FaultKind, action: FaultAction, which: Pick<Fault, 'method' | 'times'>): void => {
    planned.push({ kind, plan: (disk) => void disk.fail({ from: number, action, ...which }) });
  };
  const isWrite = WRITING_METHODS.includes(method);
  if (CHANGING_METHODS.includes(method)) {
    add('kill before', { kind: 'kill', when: 'before' }, { method: CHANGING_METHODS });
    add('kill after', { kind: 'kill', when: 'after' }, { method: CHANGING_METHODS });
  }
  if (isWrite) add('torn half', part.kill, { method: WRITING_METHODS });
  add('EIO', errno.EIO, { method });
  add('EIO for ever', errno.EIO, { times: Infinity });
  if (GROWING_METHODS.includes(method)) {
    add('ENOSPC', errno.ENOSPC, { method: GROWING_METHODS });
    add('ENOSPC for ever', errno.ENOSPC, { method: GROWING_METHODS, times: Infinity });
  }
  if (isWrite) {
    add('short', part.short, { method: WRITING_METHODS });
    add('short for ever', part.short, { method: WRITING_METHODS, times: Infinity });
  }
  return planned;
}

/**
 * Names a fault by the call that it has struck.
 *
 * @param fault a fault that was planned
 * @param disk the disk of the life that met it
 * @returns a name; undefined when the life was over before
 */
export function nameOfStrike({ kind }: PlannedFault, { struck: [first] }: FaultDisk): string | undefined {
  return first && `${kind} at call ${first.number} ${first.method} ${first.path}`;
}
