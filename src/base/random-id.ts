/**
 * Random ids and salts. Random bytes are fetched from the system in blocks: one call for many ids.
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

/** Returns 128 random bits in base64url: 22 characters of `[0-9A-Za-z_-]`. */
export function randomSalt(): string {
  return draw(ID_BYTES).toString('base64url');
}

/** Returns 128 random bits as 32 lower-case hexadecimal digits. */
export function randomHexId(): string {
  return draw(ID_BYTES).toString('hex');
}
