/**
 * A line on a terminal that says how far long work has come. Where standard error is no terminal, nothing is shown.
 */

/** Time between two looks at the terminal, in milliseconds. */
const INTERVAL_MS = 200;
const PERCENT = 100;
const ERASE_LINE = '\r\u001b[K';

/** Shows how far work has come. */
export class Progress {
  readonly #isShown: boolean;
  readonly #write: (text: string) => void;
  #shownMs = 0;

  /**
   * @param isShown whether anybody can see it
   * @param write where it goes
   */
  constructor(isShown: boolean, write: (text: string) => void) {
    this.#isShown = isShown;
    this.#write = write;
  }

  /**
   * Says how far it has come.
   *
   * @param what what is being worked on
   * @param done how much is done
   * @param total of how much
   */
  show(what: string, done: number, total: number): void {
    if (!this.#isShown || Date.now() - this.#shownMs < INTERVAL_MS) return;
    this.#shownMs = Date.now();
    this.#write(`${ERASE_LINE}${what}: ${total === 0 ? PERCENT : Math.floor((done / total) * PERCENT)} %`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isShown) this.#write(ERASE_LINE);
  }
}
