/**
 * Random text for ids and salts, drawn from the system's generator in blocks: one call for many ids.
 */
import { randomFillSync } from 'node:crypto';

const BLOCK_BYTES = 8192;
const block = Buffer.alloc(BLOCK_BYTES);
let used = BLOCK_BYTES;

function draw(bytes: number): Buffer {
  if (used + bytes > BLOCK_BYTES) {
    randomFillSync(block);
    used = 0;
  }
  const piece = block.subarray(used, used + bytes);
  used += bytes;
  return piece;
}

const ID_BYTES = 16;

/**
 * Draws 128 random bits as text of the base64url alphabet.
 *
 * @returns 22 characters of `[0-9A-Za-z_-]`
 */
export function randomSalt(): string {
  return draw(ID_BYTES).toString('base64url');
}

/**
 * Draws 128 random bits as lower-case hexadecimal digits.
 *
 * @returns 32 characters of `[0-9a-f]`
 */
export function randomHexId(): string {
  return draw(ID_BYTES).toString('hex');
}
