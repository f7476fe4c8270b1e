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
