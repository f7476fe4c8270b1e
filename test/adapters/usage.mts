/** The adapters as programs use them: compiled against the types of Keyv and unstorage. */
import Keyv, { type KeyvStoreAdapter } from 'keyv';
import { KeyvSimpleKv } from 'simplekv/client/keyv';
import { simplekvDriver } from 'simplekv/client/unstorage';
import { createStorage, type Driver, type Storage } from 'unstorage';

const options = { url: 'http://127.0.0.1:23849', project: 'shop', key: 'skv_p_1' };

export const store: KeyvStoreAdapter = new KeyvSimpleKv(options);
export const keyv = new Keyv({ store: new KeyvSimpleKv(options), namespace: 'a' });
export const driver: Driver = simplekvDriver({ ...options, base: 'cache' });
export const storage: Storage = createStorage({ driver: simplekvDriver(options) });
// @ts-expect-error: a project is needed
export const without = new KeyvSimpleKv({ url: options.url });
// @ts-expect-error: Keyv has functions for values of its own
export const twice = new KeyvSimpleKv({ ...options, parse: JSON.parse });
