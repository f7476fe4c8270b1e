/** What takes part in a comparison: how to start it, and how to ask it for a key. */
import type { HttpRequest } from '../load/http-load.js';
import type { Tool } from '../machine.js';
import type { RunningServer } from '../server-process.js';

/** Keys that every contender holds while GET and PUT are measured. */
export const KEY_COUNT = 1000;

/** Bytes of a value, as JSON: the quotes are two of them. */
export const VALUE_BYTES = 100;

const KEY_DIGITS = 9;

/** A server that holds keys and values. */
export interface Contender {
  /** Its column in the table, and a word for its folder. */
  readonly name: string;
  /** What must be installed beside Node. */
  readonly tools: readonly Tool[];
  /**
   * Starts it.
   *
   * @param folder An empty folder for whatever it writes
   * @returns The server, ready, without any key
   */
  start(folder: string): Promise<RunningServer>;
  /** Asks for a key. */
  get(key: string): HttpRequest;
  /** Stores a value, which is JSON. */
  put(key: string, value: string): HttpRequest;
  /** Whether the answer to `get` has the value. */
  hasValue(answer: string, value: string): boolean;
}

/**
 * Names a key.
 *
 * @param index From 0
 * @returns 13 bytes
 */
export function keyOf(index: number): string {
  return `key-${String(index).padStart(KEY_DIGITS, '0')}`;
}

/**
 * A value.
 *
 * @param bytes Its size
 * @returns A JSON string
 */
export function valueOf(bytes = VALUE_BYTES): string {
  return `"${'v'.repeat(bytes - 2)}"`;
}
