/** The file system, with one step that fails. */
import { systemConfigDisk, type KnownKeysDisk } from '../../src/config/config-disk.js';

/** Everything that a configuration file asks of a disk. */
export const CONFIG_DISK_STEPS = [
  'read', 'readWithRights', 'openFolder', 'open', 'write', 'sync', 'close', 'rename', 'link', 'syncFolder', 'closeFolder', 'unlink', 'list',
] as const;

/** One of {@link CONFIG_DISK_STEPS}. */
export type ConfigDiskStep = (typeof CONFIG_DISK_STEPS)[number];

/** What fails, and how. */
export interface ConfigDiskFault {
  /** The step. */
  readonly step: ConfigDiskStep;
  /** Name of the errno. */
  readonly code: string;
  /** True: nothing that comes after it works either, as after a loss of power. */
  readonly isCrash?: boolean;
}

/** A disk and what was asked of it. */
export interface FaultyConfigDisk {
  readonly disk: KnownKeysDisk;
  readonly steps: ConfigDiskStep[];
  /** Sets or lifts the fault. */
  setFault(fault: ConfigDiskFault | undefined): void;
}

/**
 * Makes a disk.
 *
 * @param initial The fault to begin with
 * @returns The disk
 */
export function faultyConfigDisk(initial?: ConfigDiskFault): FaultyConfigDisk {
  let fault = initial;
  let isDown = false;
  const steps: ConfigDiskStep[] = [];

  async function pass<T>(step: ConfigDiskStep, work: () => Promise<T>): Promise<T> {
    steps.push(step);
    if (isDown || fault?.step === step) {
      isDown = fault?.isCrash === true;
      const code = fault?.code ?? 'EIO';
      throw Object.assign(new Error(`${code}: made to fail`), { code, errno: -1 });
    }
    return work();
  }

  const disk: KnownKeysDisk = {
    open: async (path) => {
      const file = await pass('open', () => systemConfigDisk.open(path));
      return {
        // A write that fails has written half of it.
        write: async (text) => {
          if (fault?.step === 'write') await file.write(text.slice(0, text.length / 2));
          await pass('write', () => file.write(text));
        },
        sync: () => pass('sync', () => file.sync()),
        close: async () => {
          await file.close();
          await pass('close', async () => undefined);
        },
      };
    },
    read: (path) => pass('read', () => systemConfigDisk.read(path)),
    readWithRights: (path) => pass('readWithRights', () => systemConfigDisk.readWithRights(path)),
    rename: (from, to) => pass('rename', () => systemConfigDisk.rename(from, to)),
    link: (from, to) => pass('link', () => systemConfigDisk.link(from, to)),
    unlink: (path) => pass('unlink', () => systemConfigDisk.unlink(path)),
    list: (path) => pass('list', () => systemConfigDisk.list(path)),
    openFolder: async (path) => {
      const folder = await pass('openFolder', () => systemConfigDisk.openFolder(path));
      return {
        sync: () => pass('syncFolder', () => folder.sync()),
        close: async () => {
          await folder.close();
          await pass('closeFolder', async () => undefined);
        },
      };
    },
  };
  return { disk, steps, setFault: (next) => { fault = next; isDown = false; } };
}
