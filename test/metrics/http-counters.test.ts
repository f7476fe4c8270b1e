import assert from 'node:assert/strict';
import { Activity } from '../../src/metrics/activity.js';
import { HttpCounters } from '../../src/metrics/http-counters.js';
import { suite } from '../suite.js';

const test = suite('http-counters');
const ROUTE = { path: '/api/v1/projects/{id}/keys/{key}' };

type Counted = Parameters<HttpCounters['answered']>[0];

function request(change: Partial<Counted> = {}): Counted {
  return {
    route: ROUTE, store: { id: 'shop' }, request: { method: 'GET' }, response: { headersSent: true, statusCode: 200 },
    durationMs: 1, requestBytes: 3, responseBytes: 5, problemCode: null, ...change,
  };
}

function shown(counters: HttpCounters): readonly string[] {
  return [...counters.routes()].flatMap(({ route, method, statuses }) => (
    statuses.map(([status, count]) => `${method} ${route} ${status} ${count}`)
  ));
}

test('requests are counted by route, method and class of the status, their bytes and problems too', () => {
  const counters = new HttpCounters(new Activity());
  counters.answered(request());
  counters.answered(request({ response: { headersSent: true, statusCode: 304 } }));
  counters.answered(request({ response: { headersSent: true, statusCode: 404 }, problemCode: 'key_not_found' }));
  counters.answered(request({ response: { headersSent: false, statusCode: 200 } }));
  counters.answered(request({ route: null, response: { headersSent: true, statusCode: 404 }, problemCode: 'not_found' }));
  assert.deepEqual(shown(counters), [
    `GET ${ROUTE.path} none 1`, `GET ${ROUTE.path} 2xx 1`, `GET ${ROUTE.path} 3xx 1`, `GET ${ROUTE.path} 4xx 1`, 'GET _none 4xx 1',
  ]);
  assert.deepEqual([counters.requestBytes, counters.responseBytes], [15, 25]);
  assert.deepEqual([...counters.problems], [['key_not_found', 1], ['not_found', 1]]);
  assert.deepEqual([...counters.routes()].map(({ duration }) => duration.count), [4, 1]);
});

test('methods that no route has count together, however many are sent', () => {
  const counters = new HttpCounters(new Activity());
  for (const method of ['PATCH', 'PROPFIND', 'TRACE', 'OPTIONS']) counters.answered(request({ route: null, request: { method } }));
  assert.deepEqual(shown(counters), ['other _none 2xx 3', 'OPTIONS _none 2xx 1']);
});

test('input that is no request counts as one without a route, and takes no time', () => {
  const counters = new HttpCounters(new Activity());
  counters.refused(400, 'bad_request');
  assert.deepEqual(shown(counters), ['other _none 4xx 1']);
  assert.deepEqual([...counters.routes()].map(({ duration }) => duration.count), [0]);
  assert.deepEqual([...counters.problems], [['bad_request', 1]]);
});

test('a request beyond a rate counts as throttled, as those with unknown API keys do', () => {
  const counters = new HttpCounters(new Activity());
  counters.answered(request({ response: { headersSent: true, statusCode: 429 }, problemCode: 'rate_limited' }));
  counters.throttled('failed_keys');
  counters.throttled('derivations');
  counters.failedKey('unknown');
  counters.failedKey('expired');
  assert.deepEqual(counters.throttles, { failed_keys: 1, rate: 1, derivations: 1 });
  assert.deepEqual(counters.failedKeys, { unknown: 1, expired: 1 });
});

test('a request counts for the history of the server, and of a project only if it reached one', () => {
  const activity = new Activity();
  const counters = new HttpCounters(activity);
  counters.answered(request());
  counters.answered(request({ store: null, response: { headersSent: true, statusCode: 401 } }));
  counters.answered(request({ response: { headersSent: true, statusCode: 503 } }));
  const { server, projects } = activity.take();
  assert.deepEqual(server, { requests: 3, writes: 0, problems4xx: 1, problems5xx: 1 });
  assert.deepEqual([...projects], [['shop', { requests: 2, writes: 0, problems4xx: 0, problems5xx: 1 }]]);
  assert.deepEqual(activity.take().server, { requests: 0, writes: 0, problems4xx: 0, problems5xx: 0 });
});

test.run();
