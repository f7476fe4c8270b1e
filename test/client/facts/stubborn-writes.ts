/** Writes that go on until they succeed, whatever becomes of their requests. Nothing here may need Node. */
import { SimpleKv } from '../../../src/client/index.js';

/** Where the writes go, and how many there are. */
export interface StubbornWrites {
  readonly url: string;
  readonly project: string;
  readonly key: string;
  /** Clients that write side by side. */
  readonly clients: number;
  readonly writesEach: number;
}

/** As often as it takes: half of all requests fail. */
export const STUBBORN = { attempts: 500, minMs: 1, maxMs: 20 };

const KEYS = 5;

/** Writes values that occur once, alone and in batches; returns them as JSON. */
export async function writeStubbornly({ clients, writesEach, ...server }: StubbornWrites): Promise<readonly string[]> {
  const written = await Promise.all(Array.from({ length: clients }, async (_, index) => {
    const kv = new SimpleKv({ ...server, retry: STUBBORN });
    const values: string[] = [];
    for (let count = 0; count < writesEach; count += 1) {
      const value = `${index}-${count}`;
      values.push(JSON.stringify(value));
      if (count % 3 < 2) await kv.set(`k${count % KEYS}`, value);
      else await kv.batch().set('.', value).delete('none').commit();
    }
    return values;
  }));
  return written.flat();
}
