/** GET and PUT, under load of many connections, and one write alone. */
import { BARE, BARE_APPEND } from '../contenders/bare.js';
import { type Contender, KEY_COUNT, keyOf, VALUE_BYTES, valueOf } from '../contenders/contender.js';
import { ETCD } from '../contenders/etcd.js';
import { WEBDIS } from '../contenders/redis.js';
import { SIMPLEKV, SIMPLEKV_WARN } from '../contenders/simplekv.js';
import type { Experiment, Row, Side, Wanted, Workshop } from '../experiment.js';
import { encodeRequest, type LoadResult, runLoad } from '../load/http-load.js';

const CONNECTIONS = 64;
const LOGGED = 'with the server log of the default level in a file';

type Kind = 'GET' | 'PUT';

/** A load that both sides get. */
interface Load {
  readonly name: string;
  readonly kind: Kind;
  readonly ours: Contender;
  readonly other: Contender;
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
    show: ({ rate, latencyP99Ms, cpuUsPerRequest }) => (
      `${rate.toFixed(0)}/s, p99 ${latencyP99Ms.toFixed(1)} ms, ${cpuUsPerRequest.toFixed(0)} µs CPU`
    ),
  });
}

function experiment(load: Load, row: Omit<Row<LoadResult>, 'unit'>): Experiment<LoadResult> {
  return {
    name: load.name,
    tools: [...load.ours.tools, ...load.other.tools],
    isSlow: false,
    rows: () => [{ ...row, cpuRatio: (ours, other) => ours.cpuUsPerRequest / other.cpuUsPerRequest, unit: 'x' }],
    prepare: async (workshop) => ({ ours: await side(workshop, load.ours, load), other: await side(workshop, load.other, load) }),
    generatorShare: ({ generatorShare }) => generatorShare,
  };
}

async function side(workshop: Workshop, contender: Contender, { kind, connections }: Load): Promise<Side<LoadResult>> {
  const server = await workshop.shared(contender);
  const requests = Array.from({ length: KEY_COUNT }, (_, index) => (
    encodeRequest(server, kind === 'GET' ? contender.get(keyOf(index)) : contender.put(keyOf(index), valueOf()))
  ));
  const { seconds, warmUpSeconds } = workshop.extent;
  // The first load is for the compiler: it would make whatever came first look slow.
  await runLoad(server, requests, { connections, seconds: warmUpSeconds });
  return { measure: () => runLoad(server, requests, { connections, seconds }) };
}
