/** Memory for each key and value, above what the same server takes without any. */
import { keyOf, valueOf } from '../contenders/contender.js';
import { makeFilledSimpleKv } from '../contenders/filled-simplekv.js';
import { fillRedis, REDIS_TOOL, startRedisInMemory } from '../contenders/redis.js';
import type { Contest, Experiment, Workshop } from '../experiment.js';
import { encodeRequest, sendEach } from '../load/http-load.js';
import { residentKib } from '../process-cost.js';
import { KEYS_PATH, type RunningServer } from '../server-process.js';

const BYTES_PER_KIB = 1024;
const KIB_PER_MIB = 1024;
/** Read after a start, so that code, buffers and the heap of requests, which any use needs, are not counted as memory of keys. */
const READ_KEYS = 50_000;

interface MemoryFigures {
  readonly bytesPerKey: number;
  readonly emptyMib: number;
}

/** By what is resident: of SimpleKV after a start from its log and many reads, of Redis after each key was set. */
export const MEMORY: Experiment<MemoryFigures> = {
  name: 'memory',
  tools: [REDIS_TOOL],
  isSlow: true,
  rows: ({ storedKeys }) => [{
    work: `memory per key of 13 bytes with a value of 100, ${storedKeys.toLocaleString('en')} keys`, against: 'Redis holding the same',
    wanted: { atMost: 1.2 }, unit: 'x',
    value: (ours, other) => ours.bytesPerKey / other.bytesPerKey,
    show: ({ bytesPerKey, emptyMib }) => `${bytesPerKey.toFixed(0)} bytes, empty ${emptyMib.toFixed(0)} MiB`,
  }],
  prepare,
};

async function prepare(workshop: Workshop): Promise<Contest<MemoryFigures>> {
  const count = workshop.extent.storedKeys;
  const startFilled = await makeFilledSimpleKv(workshop.folder(), count);
  const startEmpty = await makeFilledSimpleKv(workshop.folder(), 1);
  const figures = (emptyKib: number, filledKib: number): MemoryFigures => (
    { bytesPerKey: ((filledKib - emptyKib) * BYTES_PER_KIB) / count, emptyMib: emptyKib / KIB_PER_MIB }
  );
  return {
    ours: {
      measure: async () => figures(await simpleKvKib(await startEmpty(), 1), await simpleKvKib(await startFilled(), count)),
    },
    other: {
      measure: async () => {
        const redis = await startRedisInMemory(workshop.folder());
        const emptyKib = residentKib(redis.pid);
        await fillRedis(redis.port, count, valueOf());
        const filledKib = residentKib(redis.pid);
        await redis.stop();
        return figures(emptyKib, filledKib);
      },
    },
  };
}

async function simpleKvKib(server: RunningServer, count: number): Promise<number> {
  const paths = Array.from({ length: READ_KEYS }, (_, index) => KEYS_PATH + keyOf(index % count));
  await sendEach(server, paths.map((path) => encodeRequest(server, { method: 'GET', path })));
  const kib = residentKib(server.pid);
  await server.kill();
  return kib;
}
