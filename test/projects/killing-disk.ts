/**
 * A disk under a process that is killed at its nth change: in the middle of it or after it the process ends, and whatever it
 * asks of the disk later never happens. Logs and configuration share one count. To be killed before a change, or at a read,
 * is to be killed after the change before it.
 */
import type { ConfigDisk } from '../../src/config/config-disk.js';
import { systemConfigDisk } from '../../src/config/config-disk.js';
import type { Disk, DiskFile } from '../../src/disk/disk.js';
import { NodeDisk } from '../../src/disk/node-disk.js';

/** Where in a change the process is killed. `torn`: a write writes half of it, an erasing erases one file. */
export type KillMoment = 'torn' | 'after';

/** When the process is killed. */
export interface Kill {
  /** The change, counted from 1. */
  readonly change: number;
  readonly moment: KillMoment;
}

/** How a change is made whole, and in part where it can be. */
interface Change<T> {
  readonly whole: () => Promise<T>;
  readonly part?: () => Promise<unknown>;
}

/** Something that the system closes when a process is gone. */
interface Closable {
  close(): Promise<void>;
}

/** What a killed process gets for an answer, so that it does nothing more. */
export class KilledError extends Error {
  override readonly name = 'KilledError';
}

/** The process that is killed. */
export class KillSwitch {
  #kill: Kill | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #open = new Set<Closable>();
  #count = 0;
  #isDead = false;
  /** Numbers of the changes that can be made in part. */
  tearable: number[] = [];
  /** What was done last, as `rename config.json`. */
  lastChange = '';

  /** @param kill When; undefined: never */
  constructor(kill?: Kill) {
    this.#kill = kill;
  }

  /** How many changes were asked for. */
  get count(): number {
    return this.#count;
  }

  /** True once the process is killed. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Counts from here on, and kills at one of these changes. */
  restart(kill: Kill | undefined): void {
    this.#count = 0;
    this.tearable = [];
    this.#kill = kill;
  }

  /** Reads, or whatever else leaves the disk as it was. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseTheDead();
    return await work();
  }

  /** Makes a change. One that cannot be made in part is not, so that a kill in the middle of it does not happen. */
  async change<T>(name: string, { whole, part }: Change<T>): Promise<T> {
    this.#refuseTheDead();
    this.#count += 1;
    this.lastChange = name;
    if (part !== undefined) this.tearable.push(this.#count);
    const isTorn = this.#kill?.moment === 'torn';
    if (this.#count !== this.#kill?.change || (isTorn && part === undefined)) {
      const result = await this.#track(whole());
      // Made, and no process is left to learn of it.
      this.#refuseTheDead();
      return result;
    }
    this.#isDead = true;
    await this.#track((isTorn ? part : undefined)?.() ?? whole());
    throw new KilledError(`killed at ${name}`);
  }

  #refuseTheDead(): void {
    if (this.#isDead) throw new KilledError('killed');
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  /** Keeps what is open, to be closed when the process is gone. */
  hold(file: Closable): void {
    this.#open.add(file);
  }

  /** Forgets what the process has closed itself. */
  release(file: Closable): void {
    this.#open.delete(file);
  }

  /** What the system does for a process that is gone: ends the calls under way, closes its files. */
  async bury(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    for (const file of this.#open) await file.close();
    this.#open.clear();
  }
}

/** How the disk of the logs differs from the usual one. */
export interface KillingDiskOptions {
  /** True: nothing can be erased, as if erasing had not come to it yet. */
  readonly erasesNothing?: boolean;
}

/**
 * The disk of the logs. What it syncs is only counted: a killed process loses nothing that the system has.
 *
 * @param life The process
 * @param options What it cannot do
 * @returns The disk
 */
export function killingDisk(life: KillSwitch, { erasesNothing = false }: KillingDiskOptions = {}): Disk {
  const disk = new NodeDisk();
  const nameOf = (path: string): string => path.split('/').slice(-2).join('/');
  return {
    open: async (path, mode) => {
      const open = async (): Promise<DiskFile> => {
        const file = await disk.open(path, mode);
        life.hold(file);
        return killingFile(life, nameOf(path), file);
      };
      return mode === 'create' ? await life.change(`create ${nameOf(path)}`, { whole: open }) : await life.read(open);
    },
    openFolder: (path) => life.read(async () => {
      const folder = await disk.openFolder(path);
      return { sync: () => life.change(`sync ${nameOf(path)}`, { whole: async () => undefined }), close: () => folder.close() };
    }),
    makeFolder: (path) => life.change(`make ${nameOf(path)}`, { whole: () => disk.makeFolder(path) }),
    list: (path) => life.read(() => disk.list(path)),
    status: (path) => life.read(() => disk.status(path)),
    link: (path, newPath) => life.change(`link ${nameOf(newPath)}`, { whole: () => disk.link(path, newPath) }),
    clone: (path, newPath) => life.change(`clone ${nameOf(newPath)}`, { whole: () => disk.clone(path, newPath) }),
    setModified: (path, modifiedMs) => life.change(`set the time of ${nameOf(path)}`, {
      whole: () => disk.setModified(path, modifiedMs),
    }),
    rename: (path, newPath) => life.change(`rename ${nameOf(newPath)}`, { whole: () => disk.rename(path, newPath) }),
    unlink: (path) => life.change(`unlink ${nameOf(path)}`, {
      whole: async () => {
        if (!(erasesNothing && path.includes('/_trash/'))) await disk.unlink(path);
      },
    }),
    space: (path) => disk.space(path),
    removeFolder: (path) => life.change(`remove ${nameOf(path)}`, {
      whole: async () => {
        if (!erasesNothing) await disk.removeFolder(path);
      },
    }),
  };
}

function killingFile(life: KillSwitch, name: string, file: DiskFile): DiskFile {
  return {
    append: (bytes) => life.change(`append ${name}`, {
      whole: () => file.append(bytes),
      part: () => file.append(bytes.subarray(0, bytes.length / 2)),
    }),
    overwrite: (bytes, offset) => life.change(`overwrite ${name}`, {
      whole: () => file.overwrite(bytes, offset),
      part: () => file.overwrite(bytes.subarray(0, bytes.length / 2), offset),
    }),
    read: (into, offset) => life.read(() => file.read(into, offset)),
    datasync: () => life.change(`sync ${name}`, { whole: async () => undefined }),
    truncate: (sizeBytes) => life.change(`truncate ${name}`, { whole: () => file.truncate(sizeBytes) }),
    status: () => life.read(() => file.status()),
    close: async () => {
      life.release(file);
      await file.close();
    },
  };
}

/**
 * The disk of the configuration.
 *
 * @param life The process
 * @returns The disk
 */
export function killingConfigDisk(life: KillSwitch): ConfigDisk {
  const disk = systemConfigDisk;
  return {
    open: (path) => life.change('create configuration', {
      whole: async () => {
        const file = await disk.open(path);
        life.hold(file);
        return {
          write: (text) => life.change('write configuration', {
            whole: () => file.write(text),
            part: () => file.write(text.slice(0, text.length / 2)),
          }),
          sync: () => life.change('sync configuration', { whole: async () => undefined }),
          close: async () => {
            life.release(file);
            await file.close();
          },
        };
      },
    }),
    read: (path) => life.read(() => disk.read(path)),
    rename: (from, to) => life.change('rename configuration', { whole: () => disk.rename(from, to) }),
    link: (from, to) => life.change('link configuration', { whole: () => disk.link(from, to) }),
    unlink: (path) => life.change('unlink configuration', { whole: () => disk.unlink(path) }),
    list: (path) => life.read(() => disk.list(path)),
    openFolder: (path) => life.read(async () => {
      const folder = await disk.openFolder(path);
      return { sync: () => life.change('sync folder of configuration', { whole: async () => undefined }), close: () => folder.close() };
    }),
  };
}
