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
/** Of the ids that are digits: a kept id keeps the digits of its block. */
const HEX_BLOCK_BYTES = 1024;
const HEX_DIGITS = ID_BYTES * 2;
let hexBlock = '';
let hexUsed = 0;

/** Returns 128 random bits in base64url: 22 characters of `[0-9A-Za-z_-]`. */
export function randomSalt(): string {
  return draw(ID_BYTES).toString('base64url');
}

/** Returns 128 random bits as 32 lower-case hexadecimal digits. It may keep the digits of its block in memory: 2 KB. */
export function randomHexId(): string {
  if (hexUsed === hexBlock.length) {
    hexBlock = draw(HEX_BLOCK_BYTES).toString('hex');
    hexUsed = 0;
  }
  hexUsed += HEX_DIGITS;
  return hexBlock.slice(hexUsed - HEX_DIGITS, hexUsed);
}
