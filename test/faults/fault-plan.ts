/** Which faults strike a life that made certain calls: every call, everything that can happen to it, once and for ever. */
import { CHANGING_METHODS, type DiskCall, type DiskMethod, type Fault, type FaultAction, type FaultDisk } from '../disk/fault-disk.js';

/** Kinds of faults, and what is counted of each. */
export type FaultKind =
  | 'kill before' | 'kill after' | 'torn half' | 'EIO' | 'EIO for ever' | 'ENOSPC' | 'ENOSPC for ever' | 'short' | 'short for ever';

/** A fault that one life meets. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly label: string;
  /** Makes it wait on a disk. */
  plan(disk: FaultDisk): void;
}

/** Calls that need room. */
const GROWING_METHODS: readonly DiskMethod[] = ['append', 'overwrite', 'makeFolder', 'link', 'rename'];
/** A write that is torn or short takes less than this, whatever it was to write; lines and files are longer. */
const PART_BYTES = 300;

const part = { kill: { kind: 'kill', when: { bytes: PART_BYTES } }, short: { kind: 'short', bytes: PART_BYTES } } as const;

/**
 * Says what can happen to one call.
 *
 * @param call the call
 * @param calls all calls of the life, the one among them
 * @returns the faults
 */
export function faultsOf(call: DiskCall, calls: readonly DiskCall[]): readonly PlannedFault[] {
  const { number, method } = call;
  const isWrite = method === 'append' || method === 'overwrite';
  const planned: PlannedFault[] = [];
  const add = (kind: FaultKind, ...faults: readonly Fault[]): void => {
    const plan = (disk: FaultDisk): void => faults.forEach((fault) => void disk.fail(fault));
    planned.push({ kind, label: `${kind} at call ${number} ${method} ${call.path}`, plan });
  };
  if (CHANGING_METHODS.includes(method)) {
    add('kill before', { number, action: { kind: 'kill', when: 'before' } });
    add('kill after', { number, action: { kind: 'kill', when: 'after' } });
  }
  if (isWrite) add('torn half', { number, action: part.kill });
  add('EIO', { number, action: { kind: 'errno', code: 'EIO' } });
  add('EIO for ever', { nth: number, times: Infinity, action: { kind: 'errno', code: 'EIO' } });
  if (GROWING_METHODS.includes(method)) {
    add('ENOSPC', { number, action: { kind: 'errno', code: 'ENOSPC' } });
    add('ENOSPC for ever', ...GROWING_METHODS.map((grows) => onward(grows, { call, calls }, { kind: 'errno', code: 'ENOSPC' })));
  }
  if (isWrite) {
    add('short', { number, action: part.short });
    add('short for ever', onward('append', { call, calls }, part.short), onward('overwrite', { call, calls }, part.short));
  }
  return planned;
}

function onward(method: DiskMethod, from: { readonly call: DiskCall; readonly calls: readonly DiskCall[] }, action: FaultAction): Fault {
  const before = from.calls.filter((other) => other.method === method && other.number < from.call.number).length;
  return { method, nth: before + 1, times: Infinity, action };
}
