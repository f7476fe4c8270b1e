/** Assertions that run in Node and in a browser, where node:assert is missing. */
import { isCode, SimpleKvError, type SimpleKvCode, type SimpleKvErrorOf } from '../../../src/client/index.js';

/** Fails unless two values are the same: JSON, dates and undefined. */
export function same(actual: unknown, expected: unknown, what = 'the value'): void {
  const [one, other] = [shown(actual), shown(expected)];
  if (one !== other) throw new Error(`${what} is ${one}, expected ${other}`);
}

/** Fails unless something holds. */
export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`It does not hold that ${what}`);
}

/** Fails unless a promise is rejected with an error of the client that has this code; returns it. */
export async function fails<Code extends SimpleKvCode>(promise: Promise<unknown>, code: Code): Promise<SimpleKvErrorOf<Code>> {
  const error = await rejection(promise);
  if (isCode(error, code)) return error;
  throw new Error(`It fails with ${error instanceof SimpleKvError ? error.code : String(error)}, expected ${code}`);
}

/** Fails unless a promise is rejected; returns the reason. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It does not fail');
}

/** Takes everything from an iteration. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (member === undefined) return '(undefined)';
    if (member instanceof Map) return [...member as Map<unknown, unknown>];
    return isObject(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member;
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
