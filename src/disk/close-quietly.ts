/**
 * Closing something from which nothing is expected any more. Owns one function.
 */
/** Whatever holds a descriptor. */
interface Closable {
  close(): Promise<void>;
}

/**
 * Closes a file or a folder. Whatever the system says of it, the descriptor is gone afterwards, and what it held was synced before, only
 * read, or given up.
 *
 * @param opened what is open, or its opening, which may have failed
 */
export async function closeQuietly(opened: Closable | Promise<Closable>): Promise<void> {
  try {
    await (await opened).close();
  } catch {
    return;
  }
}
