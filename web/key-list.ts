/**
 * The keys of a project in their order, those that have been loaded. With folders, their keys are
 * skipped, so a folder of a million keys costs a few requests.
 */
import { type Signal, signal } from '@preact/signals';
import type { KeyReader, ListedEntry } from '../src/client/index.js';
import { folderOf } from './folders.js';

/** What is known of a key in a list. */
export interface KeyItem {
  readonly key: string;
  /** Null where values are too large to be listed. */
  readonly entry: ListedEntry<string> | null;
}

/** A line of the list. */
export type KeyRow = { readonly kind: 'folder'; readonly prefix: string } | ({ readonly kind: 'key' } & KeyItem);

/** What is listed. */
export interface KeyListOptions {
  readonly reader: KeyReader;
  readonly prefix: string;
  readonly hasFolders: boolean;
  /** False where values are too large to be listed. */
  readonly hasValues: boolean;
}

/** Rows of one step, and keys of one request. */
const PAGE_ROWS = 200;

/** A list that grows. */
export class KeyList {
  readonly rows: Signal<readonly KeyRow[]> = signal([]);
  readonly isComplete = signal(false);
  readonly isLoading = signal(false);
  readonly error: Signal<unknown> = signal(undefined);
  readonly #options: KeyListOptions;
  readonly #controller = new AbortController();
  #items: AsyncGenerator<KeyItem, void, undefined>;
  /** An item that was taken and belongs to the next row. */
  #ahead: KeyItem | undefined;

  constructor(options: KeyListOptions) {
    this.#options = options;
    this.#items = this.#from(undefined);
  }

  /** Loads the next rows, unless that is in progress or there are no more. */
  async more(): Promise<void> {
    if (this.isLoading.value || this.isComplete.value) return;
    this.isLoading.value = true;
    this.error.value = undefined;
    const added: KeyRow[] = [];
    try {
      while (added.length < PAGE_ROWS) {
        const row = await this.#next();
        if (row === null) {
          this.isComplete.value = true;
          break;
        }
        added.push(row);
      }
    } catch (error) {
      if (!this.#controller.signal.aborted) this.error.value = error;
      // The iterator is over; another attempt goes on after the last row.
      this.#ahead = undefined;
      this.#items = this.#from(afterRow([...this.rows.value, ...added].at(-1)));
    }
    if (this.#controller.signal.aborted) return;
    this.rows.value = [...this.rows.value, ...added];
    this.isLoading.value = false;
  }

  /** Ends requests in progress. */
  stop(): void {
    this.#controller.abort(new DOMException('The list is no longer shown', 'AbortError'));
  }

  async #next(): Promise<KeyRow | null> {
    const { prefix, hasFolders } = this.#options;
    const item = await this.#take();
    if (item === undefined) return null;
    const folder = hasFolders ? folderOf(item.key, prefix) : null;
    if (folder === null) return { kind: 'key', ...item };
    await this.#skip(folder);
    return { kind: 'folder', prefix: folder };
  }

  async #take(): Promise<KeyItem | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) return ahead;
    const next = await this.#items.next();
    return next.done === true ? undefined : next.value;
  }

  /** Passes what is in a folder: a small one through what has been loaded, a large one with another request, after its last key. */
  async #skip(folder: string): Promise<void> {
    for (let passed = 0; passed < PAGE_ROWS; passed += 1) {
      const item = await this.#take();
      if (item === undefined) return;
      if (item.key.startsWith(folder)) continue;
      this.#ahead = item;
      return;
    }
    await this.#items.return();
    this.#items = this.#from(afterPrefix(folder));
  }

  async *#from(start: string | undefined): AsyncGenerator<KeyItem, void, undefined> {
    const { reader, prefix, hasValues } = this.#options;
    const range = { prefix: prefix === '' ? undefined : prefix, start, pageSize: PAGE_ROWS, signal: this.#controller.signal };
    if (hasValues) for await (const entry of reader.entries<string>(range)) yield { key: entry.key, entry };
    else for await (const key of reader.keys(range)) yield { key, entry: null };
  }
}

/** The first text after all that begin with this one, by their UTF-8 bytes: separators are below U+007F. */
function afterPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}

function afterRow(row: KeyRow | undefined): string | undefined {
  if (row === undefined) return undefined;
  // The smallest text above a key that the server takes: a blank more.
  return row.kind === 'folder' ? afterPrefix(row.prefix) : `${row.key} `;
}
