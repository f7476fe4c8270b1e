/**
 * Closes what is no longer needed.
 */

/** An owner of a descriptor. */
interface Closable {
  close(): Promise<void>;
}

/**
 * Closes a file or a folder and ignores errors. The descriptor is released even if the system reports an error, and its data was synced
 * before, only read, or given up.
 *
 * @param opened the open file or folder, or the attempt to open it, which may have failed
 */
export async function closeQuietly(opened: Closable | Promise<Closable>): Promise<void> {
  try {
    await (await opened).close();
  } catch {
    return;
  }
}
