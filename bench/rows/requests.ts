/** GET, PUT and batches, under load of many connections, and one write alone. */
import { BARE, BARE_APPEND } from '../contenders/bare.js';
import { type Contender, KEY_COUNT, keyOf, VALUE_BYTES, valueOf } from '../contenders/contender.js';
import { ETCD } from '../contenders/etcd.js';
import { WEBDIS } from '../contenders/redis.js';
import { SIMPLEKV, SIMPLEKV_WARN } from '../contenders/simplekv.js';
import type { Experiment, Row, Side, Wanted, Workshop } from '../experiment.js';
import { encodeRequest, type HttpRequest, type LoadResult, runLoad } from '../load/http-load.js';
import { numberer, once } from '../load/once.js';
import { BATCH_PATH } from '../server-process.js';

const CONNECTIONS = 64;
const BATCH_KEYS = 100;
const LOGGED = 'with the server log of the default level in a file';

type Kind = 'GET' | 'PUT' | 'PUT once' | 'batch';

/** A load that both sides get. */
interface Load {
  readonly name: string;
  readonly kind: Kind;
  readonly ours: Contender;
  readonly other: Contender;
  /** If it is not the same. */
  readonly otherKind?: Kind;
  readonly connections: number;
}

/** All experiments whose sides answer single requests. */
export const REQUESTS: readonly Experiment<LoadResult>[] = [
  throughput({ name: 'get', kind: 'GET', ours: SIMPLEKV_WARN, other: BARE }, {
    work: `GET of one key, ${CONNECTIONS} connections, log_level "warn"`, against: 'bare node:http, from a Map', wanted: { atLeast: 0.8 },
  }),
  throughput({ name: 'get-logged', kind: 'GET', ours: SIMPLEKV, other: BARE }, {
    work: `the same ${LOGGED}`, against: 'the same', wanted: { atLeast: 0.75 },
  }),
  throughput({ name: 'put', kind: 'PUT', ours: SIMPLEKV_WARN, other: BARE }, {
    work: `durable PUT of ${VALUE_BYTES} bytes, ${CONNECTIONS} connections, log_level "warn"`,
    against: 'bare node:http that parses the body and stores nothing', wanted: { atLeast: 0.55 },
  }),
  throughput({ name: 'put-logged', kind: 'PUT', ours: SIMPLEKV, other: BARE }, {
    work: `the same ${LOGGED}`, against: 'the same', wanted: { atLeast: 0.55 },
  }),
  throughput({ name: 'put-once', kind: 'PUT once', ours: SIMPLEKV, other: SIMPLEKV, otherKind: 'PUT' }, {
    work: `durable PUT of ${VALUE_BYTES} bytes with an Idempotency-Key of its own, ${CONNECTIONS} connections, ${LOGGED}`,
    against: 'a PUT without, of the same server', wanted: { atLeast: 0.9 },
  }),
  experiment({ name: 'batch', kind: 'batch', ours: SIMPLEKV, other: SIMPLEKV, otherKind: 'PUT', connections: CONNECTIONS }, {
    work: `keys a second: durable batches of ${BATCH_KEYS} sets of ${VALUE_BYTES} bytes, ${CONNECTIONS} connections, ${LOGGED}`,
    against: 'a PUT for each key, of the same server', wanted: { atLeast: 10 },
    value: (ours, other) => (ours.rate * BATCH_KEYS) / other.rate,
    cpuRatio: (ours, other) => ours.cpuUsPerRequest / BATCH_KEYS / other.cpuUsPerRequest,
    show: showRate,
  }),
  ...(['GET', 'PUT'] as const).flatMap((kind) => [
    throughput({ name: `${kind.toLowerCase()}-etcd`, kind, ours: SIMPLEKV, other: ETCD }, {
      work: `${kind}, ${CONNECTIONS} connections, ${LOGGED}`, against: 'etcd, JSON gateway', wanted: { atLeast: 3 },
    }),
    throughput({ name: `${kind.toLowerCase()}-webdis`, kind, ours: SIMPLEKV, other: WEBDIS }, {
      work: `${kind}, ${CONNECTIONS} connections, ${LOGGED}`, against: 'Redis with appendfsync always, behind webdis',
    }),
  ]),
  experiment({ name: 'alone', kind: 'PUT', ours: SIMPLEKV, other: BARE_APPEND, connections: 1 }, {
    work: `one durable PUT of ${VALUE_BYTES} bytes alone, p50, ${LOGGED}`,
    against: 'bare node:http that appends the body and calls fdatasync', wanted: { atMost: 1.5 },
    value: (ours, other) => ours.latencyP50Ms / other.latencyP50Ms,
    show: ({ latencyP50Ms, latencyP99Ms, cpuUsPerRequest }) => (
      `${latencyP50Ms.toFixed(2)} ms, p99 ${latencyP99Ms.toFixed(1)} ms, ${cpuUsPerRequest.toFixed(0)} µs CPU`
    ),
  }),
];

function throughput(
  load: Omit<Load, 'connections'>, row: { readonly work: string; readonly against: string; readonly wanted?: Wanted },
): Experiment<LoadResult> {
  return experiment({ ...load, connections: CONNECTIONS }, {
    ...row,
    value: (ours, other) => ours.rate / other.rate,
    show: showRate,
  });
}

function showRate({ rate, latencyP99Ms, cpuUsPerRequest }: LoadResult): string {
  return `${rate.toFixed(0)}/s, p99 ${latencyP99Ms.toFixed(1)} ms, ${cpuUsPerRequest.toFixed(0)} µs CPU`;
}

function experiment(load: Load, row: Omit<Row<LoadResult>, 'unit'>): Experiment<LoadResult> {
  return {
    name: load.name,
    tools: [...load.ours.tools, ...load.other.tools],
    isSlow: false,
    rows: () => [{ cpuRatio: (ours, other) => ours.cpuUsPerRequest / other.cpuUsPerRequest, ...row, unit: 'x' }],
    prepare: async (workshop) => ({
      ours: await side(workshop, load.ours, load),
      other: await side(workshop, load.other, { ...load, kind: load.otherKind ?? load.kind }),
    }),
    generatorShare: ({ generatorShare }) => generatorShare,
  };
}

async function side(workshop: Workshop, contender: Contender, { kind, connections }: Load): Promise<Side<LoadResult>> {
  const server = await workshop.shared(contender);
  const requests = kind === 'batch' ? batches() : Array.from({ length: KEY_COUNT }, (_, index) => (
    kind === 'GET' ? contender.get(keyOf(index)) : contender.put(keyOf(index), valueOf())
  ));
  const isOnce = kind === 'PUT once';
  const encoded = requests.map((request) => encodeRequest(server, isOnce ? once(request) : request));
  const { seconds, warmUpSeconds } = workshop.extent;
  const load = { connections, ...(isOnce ? { renew: numberer() } : {}) };
  // The first load is for the compiler: it would make whatever came first look slow.
  await runLoad(server, encoded, { ...load, seconds: warmUpSeconds });
  return { measure: () => runLoad(server, encoded, { ...load, seconds }) };
}

/** Batches that set all keys, each its own. */
function batches(): HttpRequest[] {
  return Array.from({ length: KEY_COUNT / BATCH_KEYS }, (_, batch) => {
    const ops = Array.from({ length: BATCH_KEYS }, (_one, index) => (
      `{"op":"set","key":"${keyOf(batch * BATCH_KEYS + index)}","value":${valueOf()}}`
    ));
    return { method: 'POST', path: BATCH_PATH, body: `{"ops":[${ops.join(',')}]}` };
  });
}
