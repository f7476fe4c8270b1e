/**
 * A server with projects as people have them: for the tests of the web UI, and for its pictures.
 */
import { SimpleKv, SimpleKvAdmin } from '../../src/client/index.js';
import type { ServerUnderTest, Workbench } from '../e2e/server-under-test.js';

/** The server and its API keys. */
export interface SampleServer {
  readonly server: ServerUnderTest;
  readonly origin: string;
  readonly globalKey: string;
  /** The primary key of `shop`. */
  readonly shopKey: string;
  /** One that may only read it. */
  readonly readerKey: string;
}

/** A key that fits nowhere. */
export const LONG_KEY = 'config/feature/very/long/path/that/goes/on/and/on/so/that/it/does/not/fit/into/any/column/of/the/list';

const CITIES = ['Aachen', 'Bergen', 'Cádiz', 'Dublin', 'Eindhoven', 'Faro', 'Ghent', 'Helsinki'];
const NAMES = [
  'Ada Lovelace', 'Grace Hopper', 'Edsger Dijkstra', 'Barbara Liskov', 'Ken Thompson', 'Radia Perlman', 'Zoë Quist', 'Tim Berners-Lee',
];
const ITEMS = ['notebook', 'fountain pen', 'desk lamp', 'keyboard', 'headphones', 'cable, 2 m', 'chair', 'monitor arm'];
const USERS = 48;
const ORDERS = 130;
const SESSIONS = 12;
const MS_PER_DAY = 86_400_000;

/** Starts it. */
export async function startSample(bench: Workbench): Promise<SampleServer> {
  bench.configure([
    { id: 'shop', quota: { max_keys: 500, max_bytes: 100_000, writes_per_second: 5000 } },
    { id: 'telemetry', storage: { durability: 'interval' } }, { id: 'feature-flags' }, { id: 'scratch', storage: { on_disk: false } },
  ], { limits: { max_failed_keys_per_minute: 10_000 } });
  const server = await bench.start();
  const globalKey = server.key('global');
  const shopKey = server.key('shop');
  const admin = new SimpleKvAdmin({ url: server.url, key: globalKey });
  const { api_key: readerKey } = await admin.apiKeys.create('shop', { name: 'dashboard', permissions: ['read'], ttl_seconds: 7_776_000 });
  await admin.apiKeys.create('shop', { name: 'importer', permissions: ['history', 'read', 'write'] });
  const clientOf = (project: string, key = globalKey): SimpleKv => new SimpleKv({ url: server.url, project, key });
  await fillShop(clientOf('shop', shopKey), clientOf('shop'));
  const flags = clientOf('feature-flags');
  for (const flag of ['checkout.express', 'search.v2', 'theme.dark']) await flags.set(flag, { enabled: flag !== 'search.v2', share: 0.25 });
  const telemetry = clientOf('telemetry');
  for (let host = 1; host <= 6; host += 1) await telemetry.set(`host:${host}:cpu`, { load: host / 7, cores: 8 });
  return { server, origin: server.url, globalKey, shopKey, readerKey };
}

async function fillShop(shop: SimpleKv, asOwner: SimpleKv): Promise<void> {
  const users = shop.batch();
  for (let id = 1; id <= USERS; id += 1) {
    const name = NAMES[id % NAMES.length] ?? '';
    const city = CITIES[id % CITIES.length];
    // More digits than a number of JavaScript has.
    const balance = 9_007_199_254_740_992n + BigInt(id);
    users.setText(`user/${String(id).padStart(4, '0')}`, `{"name":${JSON.stringify(name)},"city":${JSON.stringify(city)},`
      + `"balance":${balance},"tags":["${id % 2 === 0 ? 'newsletter' : 'trial'}"],"active":${id % 5 !== 0}}`);
  }
  await users.commit();
  for (let first = 1; first <= ORDERS; first += 10) {
    const orders = shop.batch();
    for (let id = first; id < first + 10; id += 1) {
      orders.set(`order/2026-11/${10_000 + id}`, {
        user: `user/${String((id % USERS) + 1).padStart(4, '0')}`, state: id % 3 === 0 ? 'shipped' : 'open',
        items: [{ name: ITEMS[id % ITEMS.length], quantity: (id % 4) + 1, price: id * 1.5 }], total: ((id % 4) + 1) * id * 1.5,
      });
    }
    await orders.commit();
  }
  for (let id = 1; id <= SESSIONS; id += 1) {
    await shop.set(`session:${(0x5bd1e995 * id).toString(36).slice(0, 8)}`, { user: id }, { ttlMs: id * MS_PER_DAY / SESSIONS });
  }
  for (const [index, limit] of [10, 25, 40, 100].entries()) {
    const mail = index === 3 ? 'orders@shop.example' : 'hello@shop.example';
    await (index === 2 ? asOwner : shop).set('config/checkout', {
      currency: 'EUR', limit, methods: index < 2 ? ['card'] : ['card', 'invoice'], mail, retry: { attempts: 3, after_ms: 250 },
    });
  }
  await shop.set('config/mail', { host: 'mail.shop.example', port: 587, tls: true });
  await shop.set(LONG_KEY, true);
  await shop.set('motd', 'Welcome back. Deliveries take a day longer this week.');
  await shop.set('greeting', 'hello');
  await shop.delete('greeting');
}
