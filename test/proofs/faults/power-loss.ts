/**
 * What a loss of power may leave, drawn by chance: everything that was synced, and of the rest any part. Each 512-byte piece of a
 * file is the new one, the old one, or zeros; a file is as long as it was, as it became, or something between; each name that was
 * made, removed or given to another file since its folder was synced is as before or as after. A rename is one step of the file
 * system's own journal: a file may be found under its old name or its new one, and never under none.
 */
import path from 'node:path';
import type { FileNode, FolderNode, TreeNode } from '../../disk/disk-tree.js';
import { DiskTree } from '../../disk/disk-tree.js';
import { FaultDisk } from '../../disk/fault-disk.js';

const PIECE_BYTES = 512;
/** Folders that others are moved to. */
const MOVE_TARGETS = /\/_(?:left|trash)(?:\/|$)/;

type Random = () => number;

/** A name that was drawn to be there. */
interface DrawnFile {
  readonly place: string;
  readonly node: FileNode;
}

/**
 * Draws one state.
 *
 * @param disk the disk when power was lost; it stays as it is
 * @param random numbers from 0 up to 1
 * @returns the disk that the next process finds
 */
export function afterPowerLoss(disk: FaultDisk, random: Random): FaultDisk {
  const drawn: DrawnFile[] = [];
  const folders: string[] = [];
  drawNames(disk.tree.folder('/'), '', {
    random, drawn, folders, isMoved: random() < 1 / 2, arrived: arrivedFolders(disk.tree.folder('/'), new Set()),
  });
  keepRenamed(disk, drawn, folders);
  const tree = new DiskTree();
  for (const folder of folders) tree.makeFolder(folder);
  const placed = new Map<FileNode, string>();
  for (const { place, node } of drawn) {
    const first = placed.get(node);
    if (first === undefined) tree.createFile(place).bytes = drawBytes(node, random);
    else tree.link(first, place);
    placed.set(node, first ?? place);
  }
  tree.syncAll();
  return new FaultDisk(tree);
}

interface Drawing {
  readonly random: Random;
  /** Whether files that were moved to another folder have arrived there: the journal has such a move wholly or not, and in order. */
  readonly isMoved: boolean;
  /** Folders whose present place is synced: no file system gives a folder two, so they are not where they were. */
  readonly arrived: ReadonlySet<FolderNode>;
  readonly drawn: DrawnFile[];
  readonly folders: string[];
}

function arrivedFolders({ names, syncedNames }: FolderNode, found: Set<FolderNode>): Set<FolderNode> {
  for (const [name, node] of names) {
    if (node.kind === 'file') continue;
    if (syncedNames.get(name) === node) found.add(node);
    arrivedFolders(node, found);
  }
  return found;
}

function drawNames(folder: FolderNode, above: string, drawing: Drawing): void {
  for (const name of new Set([...folder.syncedNames.keys(), ...folder.names.keys()])) {
    const [old, now] = [folder.syncedNames.get(name), folder.names.get(name)];
    const isAboutMoves = MOVE_TARGETS.test(above) || (now === undefined && !above.includes('/data/'));
    const hasArrived = old !== now && old?.kind === 'folder' && drawing.arrived.has(old);
    const isNew = hasArrived || (isAboutMoves ? drawing.isMoved : drawing.random() < 1 / 2);
    const node = old === now || isNew ? now : old;
    if (node !== undefined) place(node, `${above}/${name}`, drawing);
  }
}

function place(node: TreeNode, where: string, drawing: Drawing): void {
  if (node.kind === 'file') {
    drawing.drawn.push({ place: where, node });
  } else {
    drawing.folders.push(where);
    drawNames(node, where, drawing);
  }
}

/** Files that had a synced name and have a name now are found under the one of now, where chance has left them neither. */
function keepRenamed(disk: FaultDisk, drawn: DrawnFile[], folders: string[]): void {
  const there = new Set(drawn.map(({ node }) => node));
  const synced = syncedFiles(disk.tree.folder('/'), new Set());
  const taken = new Set(drawn.map((one) => one.place));
  for (const [where, node] of disk.tree.files()) {
    if (there.has(node) || !synced.has(node) || taken.has(where)) continue;
    drawn.push({ place: where, node });
    there.add(node);
    folders.push(path.posix.dirname(where));
  }
}

function syncedFiles(folder: FolderNode, found: Set<FileNode>): Set<FileNode> {
  for (const node of folder.syncedNames.values()) {
    if (node.kind === 'file') found.add(node);
    else syncedFiles(node, found);
  }
  return found;
}

function drawBytes({ bytes, syncedBytes }: FileNode, random: Random): Buffer {
  if (bytes.equals(syncedBytes)) return Buffer.from(bytes);
  const [least, most] = [Math.min(bytes.length, syncedBytes.length), Math.max(bytes.length, syncedBytes.length)];
  const lengths = [syncedBytes.length, bytes.length, least + Math.floor(random() * (most - least + 1))];
  const drawn = Buffer.alloc(lengths[Math.floor(random() * lengths.length)] ?? bytes.length);
  for (let at = 0; at < drawn.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, drawn.length);
    const [old, now] = [pieceOf(syncedBytes, at, end), pieceOf(bytes, at, end)];
    if (old.equals(now)) now.copy(drawn, at);
    // A piece is written whole or not at all, so that one which holds synced bytes has never become zeros.
    else [old, now, at < syncedBytes.length ? old : Buffer.alloc(end - at)][Math.floor(random() * 3)]?.copy(drawn, at);
  }
  return drawn;
}

/** What a file does not reach reads as zeros. */
function pieceOf(bytes: Buffer, from: number, to: number): Buffer {
  const piece = Buffer.alloc(to - from);
  bytes.subarray(from, to).copy(piece);
  return piece;
}
