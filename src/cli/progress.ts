/**
 * A progress bar on standard error, for commands that may take long.
 */

/** A progress bar. */
interface Progress {
  show(what: string, done: number, total: number): void;
  clear(): void;
}

/** Creates a progress bar. It shows nothing if the stream is not a terminal. */
export async function createProgress(stream: NodeJS.WriteStream): Promise<Progress> {
  if (!stream.isTTY) return { show: () => undefined, clear: () => undefined };
  const { SingleBar } = await import('cli-progress');
  // The cursor stays visible: an interrupted command would leave it hidden.
  const bar = new SingleBar({ stream, format: '{what} [{bar}] {percentage} %', clearOnComplete: true, hideCursor: false });
  let isShown = false;
  const show = (what: string, done: number, total: number): void => {
    if (!isShown) bar.start(total, done, { what });
    isShown = true;
    bar.setTotal(total);
    bar.update(done, { what });
  };
  const clear = (): void => {
    if (isShown) bar.stop();
    isShown = false;
  };
  return { show, clear };
}

/** Calls `work` with what shows its progress on standard error, and clears that afterwards. */
export async function withProgress<T>(what: string, work: (show: (done: number, total: number) => void) => Promise<T>): Promise<T> {
  const progress = await createProgress(process.stderr);
  try {
    return await work((done, total) => progress.show(what, done, total));
  } finally {
    progress.clear();
  }
}
