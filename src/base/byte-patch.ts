/**
 * Replacing bytes of a text by as many others while it is copied piece by piece.
 */

/** Bytes that stand at an offset instead of those that are there. */
export interface BytePatch {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Applies patches to a piece of a text.
 *
 * @param offset where the piece begins in the text
 */
export function patchPiece(piece: Buffer, offset: number, patches: readonly BytePatch[]): void {
  for (const { offset: start, bytes } of patches) {
    const from = Math.max(start, offset);
    const to = Math.min(start + bytes.length, offset + piece.length);
    if (from < to) bytes.copy(piece, from - offset, from - start, to - start);
  }
}
