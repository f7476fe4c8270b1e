/** What the suites connect with; the environment says where the server is. A fetch of their own counts requests, or fails every other. */

const { SIMPLEKV_SUITE_URL: url, SIMPLEKV_SUITE_KEY: key, SIMPLEKV_SUITE_FLAKY: flaky } = process.env;

/** How many requests were sent. */
export const counted = { requests: 0 };

const sendCounted = async (...request) => {
  counted.requests += 1;
  if (flaky !== undefined && counted.requests % 2 === 1) throw new TypeError('fetch failed');
  return await fetch(...request);
};

/** Of requests that run side by side, one may get several failures in a row. */
const retry = { attempts: 20, minMs: 1, maxMs: 2 };

const OPERATIONS = ['get', 'getMany', 'set', 'setMany', 'delete', 'deleteMany', 'has', 'hasMany', 'clear'];
let last = Promise.resolve();

/**
 * A store whose operations wait for those before them. The suite of Keyv does not await some, which would otherwise reach the server in
 * the middle of a later test.
 */
export const inTurn = (store) => new Proxy(store, {
  get: (target, name) => {
    const member = target[name];
    if (typeof member !== 'function') return member;
    if (!OPERATIONS.includes(name)) return member.bind(target);
    return (...values) => {
      const turn = last.then(() => member.apply(target, values));
      last = turn.catch(() => undefined);
      return turn;
    };
  },
});

/** Of a client of the project. */
export const options = { url, key, project: 'p', fetch: sendCounted, retry };

/** Whether operations take as many requests as they should. */
export const countsRequests = flaky === undefined;

/** Where the built client is. */
export const client = (name) => new URL(`${name}.js`, process.env.SIMPLEKV_SUITE_CLIENT).href;
