/** Finds the end of an HTTP answer in what a connection brings, and looks at no more of it than that takes. */

type Expected = 'head' | 'body' | 'chunk size' | 'chunk' | 'trailer';

const HEAD_END = '\r\n\r\n';
const LINE_END = '\r\n';
const LINE_FEED = 10;
const HEXADECIMAL = 16;

/** Reads the answers of one connection, one after another. */
export class AnswerReader {
  /** Status of the newest answer. */
  status = 0;
  /** Bytes of its body so far, without what frames them. */
  bodyBytes = 0;
  #expected: Expected = 'head';
  /** The beginning of a head or of a line that is not complete; latin1. */
  #begun = '';
  /** Bytes of the body or of the chunk that are to come. */
  #left = 0;

  /**
   * Takes what came.
   *
   * @param bytes Any part of an answer; not kept
   * @returns Whether the answer is complete
   * @throws {Error} When more comes than one answer
   */
  take(bytes: Buffer): boolean {
    let at = 0;
    let isComplete = false;
    while (at < bytes.length) {
      if (isComplete) throw new Error('Cannot read an answer: another one came that nothing has asked for');
      if (this.#expected === 'head') at = this.#takeHead(bytes, at);
      else if (this.#expected === 'body' || this.#expected === 'chunk') at = this.#takeContent(bytes, at);
      else at = this.#takeLine(bytes, at);
      isComplete = this.#expected === 'head' && this.#begun === '' && this.#left === 0;
    }
    return isComplete;
  }

  #takeHead(bytes: Buffer, at: number): number {
    const end = this.#begun === '' ? bytes.indexOf(HEAD_END, at, 'latin1') : -1;
    const text = this.#begun + bytes.toString('latin1', at, end < 0 ? bytes.length : end + HEAD_END.length);
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd < 0) {
      this.#begun = text;
      return bytes.length;
    }
    const next = at + headEnd + HEAD_END.length - this.#begun.length;
    this.#begun = '';
    this.status = Number(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    this.bodyBytes = 0;
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    this.#left = Number(length ?? 0);
    if (length === undefined && /\r\ntransfer-encoding: *chunked/i.test(text)) this.#expected = 'chunk size';
    else this.#expected = this.#left > 0 ? 'body' : 'head';
    return next;
  }

  #takeContent(bytes: Buffer, at: number): number {
    const count = Math.min(this.#left, bytes.length - at);
    this.#left -= count;
    this.bodyBytes += count;
    if (this.#left > 0) return at + count;
    if (this.#expected === 'chunk') {
      // The line end after a chunk belongs to what frames it.
      this.bodyBytes -= LINE_END.length;
      this.#expected = 'chunk size';
    } else {
      this.#expected = 'head';
    }
    return at + count;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LINE_FEED, at);
    this.#begun += bytes.toString('latin1', at, end < 0 ? bytes.length : end + 1);
    if (end < 0) return bytes.length;
    const line = this.#begun.trimEnd();
    this.#begun = '';
    if (this.#expected === 'trailer') {
      if (line === '') this.#expected = 'head';
      return end + 1;
    }
    const size = Number.parseInt(line, HEXADECIMAL);
    this.#expected = size === 0 ? 'trailer' : 'chunk';
    this.#left = size === 0 ? 0 : size + LINE_END.length;
    return end + 1;
  }
}
