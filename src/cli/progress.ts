/**
 * A bar on a terminal that says how far long work has come. Where standard error is no terminal, nothing is shown.
 */
import { SingleBar } from 'cli-progress';

/** Shows how far work has come. */
export class Progress {
  readonly #bar: SingleBar;
  #isShown = false;

  /** @param stream where it goes; the bar is silent where that is no terminal */
  constructor(stream: NodeJS.WritableStream) {
    // The cursor stays: an interrupt would leave it hidden.
    this.#bar = new SingleBar({ stream, format: '{what} [{bar}] {percentage} %', clearOnComplete: true, hideCursor: false });
  }

  /** Says how far it has come. */
  show(what: string, done: number, total: number): void {
    if (!this.#isShown) this.#bar.start(total, done, { what });
    this.#isShown = true;
    this.#bar.setTotal(total);
    this.#bar.update(done, { what });
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#isShown) this.#bar.stop();
    this.#isShown = false;
  }
}
