/**
 * The content of a disk in two versions: as running programs see it, and as a power failure would leave it. Files are inodes with one or
 * more names; a folder remembers which names were synced. Knows no faults; `fault-disk.ts` injects them.
 */
import path from 'node:path';

/** A file. */
export interface FileNode {
  readonly kind: 'file';
  readonly inode: number;
  /** What reads return. Never changed in place, only replaced, so that synced content and copies of the tree share it. */
  bytes: Buffer;
  /** The content at the last sync. */
  syncedBytes: Buffer;
  /** When its content last changed, by a clock that ticks with every change on the disk. */
  modifiedMs: number;
  /** When anything about it last changed, by the same clock. */
  changedMs: number;
}

/** A folder. */
export interface FolderNode {
  readonly kind: 'folder';
  readonly inode: number;
  names: Map<string, TreeNode>;
  syncedNames: Map<string, TreeNode>;
}

/** What a name may refer to. */
export type TreeNode = FileNode | FolderNode;

/** Which unsynced data survives a power failure. */
export interface CrashLoss {
  /** `synced`: bytes written since the last sync are lost, and read as zeros within the size. */
  readonly content: 'cached' | 'synced';
  /** `synced`: the file has its size from the last sync. */
  readonly size: 'cached' | 'synced';
  /**
   * `synced`: names are as they were at their folder's last sync. `newest`: the same, except for the name created last: without a sync
   * between two changes, a disk may keep the later one and lose the earlier one.
   */
  readonly names: 'cached' | 'synced' | 'newest';
}

/** An error with an errno, like those of the operating system. */
export function errnoError(code: string, action: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${action}`), { code, errno: -1 });
}

/** Files and folders under `/`. */
export class DiskTree {
  #lastInode = 1;
  #clockMs = 0;
  #top: FolderNode = this.#newFolder();

  #newFolder(): FolderNode {
    this.#lastInode += 1;
    return { kind: 'folder', inode: this.#lastInode, names: new Map(), syncedNames: new Map() };
  }

  #tick(): number {
    this.#clockMs += 1;
    return this.#clockMs;
  }

  /** Notes that the content of a file has changed. */
  touch(node: FileNode): void {
    node.modifiedMs = this.#tick();
    node.changedMs = node.modifiedMs;
  }

  /** Sets when the content of a file last changed. */
  setModified(place: string, modifiedMs: number): void {
    const node = this.file(place);
    node.modifiedMs = modifiedMs;
    node.changedMs = this.#tick();
  }

  #partsOf(place: string): string[] {
    return place.split('/').filter((part) => part !== '');
  }

  find(place: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.#top;
    for (const part of this.#partsOf(place)) {
      if (node === undefined) return undefined;
      if (node.kind === 'file') throw errnoError('ENOTDIR', place);
      node = node.names.get(part);
    }
    return node;
  }

  file(place: string): FileNode {
    const node = this.find(place);
    if (node === undefined) throw errnoError('ENOENT', place);
    if (node.kind === 'folder') throw errnoError('EISDIR', place);
    return node;
  }

  folder(place: string): FolderNode {
    const node = this.find(place);
    if (node === undefined) throw errnoError('ENOENT', place);
    if (node.kind === 'file') throw errnoError('ENOTDIR', place);
    return node;
  }

  parent(place: string): FolderNode {
    return this.folder(path.posix.dirname(place));
  }

  createFile(place: string, bytes: Buffer = Buffer.alloc(0)): FileNode {
    if (this.find(place) !== undefined) throw errnoError('EEXIST', place);
    this.#lastInode += 1;
    const nowMs = this.#tick();
    const times = { modifiedMs: nowMs, changedMs: nowMs };
    const node: FileNode = { kind: 'file', inode: this.#lastInode, bytes, syncedBytes: Buffer.alloc(0), ...times };
    this.parent(place).names.set(path.posix.basename(place), node);
    return node;
  }

  makeFolder(place: string): void {
    let folder = this.#top;
    for (const part of this.#partsOf(place)) {
      const next = folder.names.get(part) ?? this.#newFolder();
      if (next.kind === 'file') throw errnoError('ENOTDIR', place);
      folder.names.set(part, next);
      folder = next;
    }
  }

  link(place: string, newPlace: string): void {
    const node = this.file(place);
    if (this.find(newPlace) !== undefined) throw errnoError('EEXIST', newPlace);
    this.parent(newPlace).names.set(path.posix.basename(newPlace), node);
  }

  rename(place: string, newPlace: string): void {
    const node = this.find(place);
    if (node === undefined) throw errnoError('ENOENT', place);
    const there = this.find(newPlace);
    if (there === node) return;
    if (there?.kind === 'folder' && node.kind === 'file') throw errnoError('EISDIR', newPlace);
    if (there?.kind === 'file' && node.kind === 'folder') throw errnoError('ENOTDIR', newPlace);
    if (there?.kind === 'folder' && there.names.size > 0) throw errnoError('ENOTEMPTY', newPlace);
    this.parent(newPlace).names.set(path.posix.basename(newPlace), node);
    this.parent(place).names.delete(path.posix.basename(place));
  }

  remove(place: string): void {
    if (this.find(place) !== undefined) this.parent(place).names.delete(path.posix.basename(place));
  }

  removeFolder(place: string): void {
    if (this.find(place) === undefined) return;
    if (this.folder(place).names.size > 0) throw errnoError('ENOTEMPTY', place);
    this.remove(place);
  }

  /** Makes everything durable. */
  syncAll(): void {
    forEachNode(this.#top, (node) => {
      if (node.kind === 'file') node.syncedBytes = node.bytes;
      else node.syncedNames = new Map(node.names);
    });
  }

  /** Every file by its path, by the names that running programs see. */
  files(): Map<string, FileNode> {
    const found = new Map<string, FileNode>();
    const visit = (folder: FolderNode, above: string): void => {
      for (const [name, node] of folder.names) {
        if (node.kind === 'file') found.set(`${above}/${name}`, node);
        else visit(node, `${above}/${name}`);
      }
    };
    visit(this.#top, '');
    return found;
  }

  /** A new tree with what a crash leaves of this one, all of it durable. Does not change this tree. */
  survivor(loss: CrashLoss): DiskTree {
    const copies = new Map<TreeNode, TreeNode>();
    const arrived = arrivedFolders(this.#top, loss);
    const copy = (node: TreeNode): TreeNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      if (node.kind === 'file') {
        const bytes = survivingBytes(node, loss);
        const { inode, modifiedMs, changedMs } = node;
        const file: FileNode = { kind: 'file', inode, bytes, syncedBytes: bytes, modifiedMs, changedMs };
        copies.set(node, file);
        return file;
      }
      const folder: FolderNode = { kind: 'folder', inode: node.inode, names: new Map(), syncedNames: new Map() };
      copies.set(node, folder);
      for (const [name, inside] of survivingNames(node, loss)) {
        const isHere = node.names.get(name) === inside || inside.kind === 'file' || !arrived.has(inside);
        if (isHere) folder.names.set(name, copy(inside));
      }
      folder.syncedNames = new Map(folder.names);
      return folder;
    };
    const tree = new DiskTree();
    const top = copy(this.#top);
    if (top.kind === 'folder') tree.#top = top;
    tree.#lastInode = this.#lastInode;
    tree.#clockMs = this.#clockMs;
    return tree;
  }
}

function forEachNode(node: TreeNode, visit: (node: TreeNode) => void): void {
  visit(node);
  if (node.kind === 'folder') for (const inside of node.names.values()) forEachNode(inside, visit);
}

/**
 * Folders are found only where they are now: no file system leaves a folder in two places, while it can leave a file with two names.
 */
function arrivedFolders(top: FolderNode, loss: CrashLoss): ReadonlySet<FolderNode> {
  const arrived = new Set<FolderNode>();
  const seen = new Set<FolderNode>();
  const visit = (folder: FolderNode): void => {
    if (seen.has(folder)) return;
    seen.add(folder);
    for (const [name, inside] of survivingNames(folder, loss)) {
      if (inside.kind === 'file') continue;
      if (folder.names.get(name) === inside) arrived.add(inside);
      visit(inside);
    }
  };
  visit(top);
  return arrived;
}

function survivingNames({ names, syncedNames }: FolderNode, loss: CrashLoss): ReadonlyMap<string, TreeNode> {
  if (loss.names === 'cached') return names;
  const newest = [...names].findLast(([name, node]) => syncedNames.get(name) !== node);
  return loss.names === 'synced' || newest === undefined ? syncedNames : new Map([...syncedNames, newest]);
}

function survivingBytes(file: FileNode, loss: CrashLoss): Buffer {
  const content = loss.content === 'cached' ? file.bytes : file.syncedBytes;
  if (loss.content === loss.size) return content;
  const bytes = Buffer.alloc(loss.size === 'cached' ? file.bytes.length : file.syncedBytes.length);
  content.copy(bytes);
  return bytes;
}
