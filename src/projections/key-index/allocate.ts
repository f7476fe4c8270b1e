/**
 * Memory of the key index. Everything in it is numbers and bytes in buffers like these, so that no object per key burdens the garbage
 * collector, and so that other threads could read it.
 */

/**
 * Allocates zeroed memory. This is the only place that decides its kind: the index holds no references, so that a `SharedArrayBuffer`
 * serves as well.
 */
export function allocate(sizeBytes: number): ArrayBuffer {
  return new ArrayBuffer(sizeBytes);
}

/** Allocates numbers of 32 bits, all 0, such as those of rows. */
export function allocateWords(count: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(allocate(count * Uint32Array.BYTES_PER_ELEMENT));
}

/** Copies numbers into a larger array. */
export function enlarged(words: Uint32Array, count: number): Uint32Array<ArrayBuffer> {
  const larger = allocateWords(count);
  larger.set(words);
  return larger;
}
