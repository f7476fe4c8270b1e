import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { refuseCrossSite } from '../../src/http/cross-site.js';
import { suite } from '../suite.js';
import { codeOf, exchange, statusOf } from './raw-client.js';
import { problemOf, withServer } from './test-server.js';

const test = suite('cross-site');

const ANY_HOST = 'kv.example:23849';

/** The headers besides `Host`, and whether the change is accepted. */
interface Row {
  readonly origins?: readonly string[];
  readonly sites?: readonly string[];
  readonly host?: string;
  readonly isTls?: boolean;
  readonly allowed?: readonly string[];
}

function isRefused({ origins = [], sites = [], host = ANY_HOST, isTls = false, allowed = [] }: Row, method = 'POST'): boolean {
  try {
    refuseCrossSite({ method, headers: { hosts: [host], origins, fetchSites: sites }, isTls, allowedOrigins: new Set(allowed) });
    return false;
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'cross_site_request');
    return true;
  }
}

const TAKEN: readonly Row[] = [
  {},
  { sites: ['same-origin'] },
  { sites: ['none'] },
  { origins: ['http://kv.example:23849'] },
  { origins: ['HTTP://KV.Example:23849'] },
  { origins: ['http://kv.example:23849'], host: 'KV.EXAMPLE:23849' },
  // Origin is more precise than Sec-Fetch-Site, and decides alone.
  { origins: ['http://kv.example:23849'], sites: ['cross-site'] },
  // A missing port is the default of the scheme.
  { origins: ['http://kv.example:80'], host: 'kv.example' },
  { origins: ['http://kv.example'], host: 'kv.example:80' },
  { origins: ['http://kv.example'], host: 'kv.example' },
  { origins: ['http://kv.example'], host: 'kv.example:' },
  // A TLS proxy in front of a plain port.
  { origins: ['https://kv.example'], host: 'kv.example' },
  { origins: ['https://kv.example:443'], host: 'kv.example' },
  { origins: ['https://kv.example'], host: 'kv.example', isTls: true },
  { origins: ['http://[::1]:23849'], host: '[::1]:23849' },
  { origins: ['http://[2001:DB8::1]'], host: '[2001:db8:0:0::1]' },
  { origins: ['http://127.0.0.1:23849'], host: '127.0.0.1:23849' },
  // An allowed origin, by its name alone.
  { origins: ['https://app.example'], allowed: ['https://app.example'] },
  { origins: ['http://app.example'], sites: ['cross-site'], allowed: ['https://x.example', 'http://app.example'], isTls: true },
  { origins: ['http://kv.example:23849'], allowed: ['https://app.example'] },
];

const REFUSED: readonly Row[] = [
  { origins: ['null'], allowed: ['https://app.example'] },
  { origins: ['https://evil.example'], allowed: ['https://app.example'] },
  { origins: ['https://APP.example'], allowed: ['https://app.example'] },
  { origins: ['https://app.example:443'], allowed: ['https://app.example'] },
  { origins: ['https://app.example', 'https://app.example'], allowed: ['https://app.example'] },
  { origins: ['https://evil.example'], allowed: ['*'] },
  { sites: ['cross-site'], allowed: ['https://app.example'] },
  { origins: ['null'] },
  { origins: [''] },
  { origins: ['http://evil.example'] },
  { origins: ['http://evil.example:23849'] },
  { origins: ['http://kv.example:3000'] },
  { origins: ['http://kv.example'] },
  { origins: ['https://kv.example'], host: 'kv.example:80' },
  { origins: ['http://kv.example'], host: '' },
  { origins: ['http://kv.example'], host: 'kv.example:443' },
  { origins: ['http://kv.example.evil.example:23849'] },
  { origins: ['http://sub.kv.example:23849'] },
  { origins: ['http://kv.example:23849/'] },
  { origins: ['http://kv.example:23849?'] },
  { origins: ['http://evil@kv.example:23849'] },
  { origins: [' http://kv.example:23849'] },
  { origins: ['http://evil.example http://kv.example:23849'] },
  { origins: ['kv.example:23849'] },
  { origins: ['//kv.example:23849'] },
  { origins: ['file://kv.example:23849'] },
  { origins: ['chrome-extension://kv.example:23849'] },
  { origins: ['http://localhost:23849'], host: '127.0.0.1:23849' },
  { origins: ['http://[::1]:23849'], host: '[::2]:23849' },
  { origins: ['http://evil.example'], sites: ['same-origin'] },
  { origins: ['null'], sites: ['none'] },
  { origins: ['http://kv.example:23849', 'http://kv.example:23849'] },
  { origins: ['http://kv.example:23849', 'http://evil.example'] },
  // An attacker on the network path can serve a page under http.
  { origins: ['http://kv.example:23849'], isTls: true },
  { origins: ['http://kv.example'], host: 'kv.example', isTls: true },
  { sites: ['cross-site'] },
  { sites: ['same-site'] },
  { sites: [''] },
  { sites: ['Same-Origin'] },
  { sites: ['anything'] },
  { sites: ['same-origin', 'same-origin'] },
  { sites: ['none', 'cross-site'] },
];

test('a change is accepted from the same origin, and from clients that are not browsers', () => {
  for (const row of TAKEN) assert.equal(isRefused(row), false, JSON.stringify(row));
});

test('a change is refused for another origin, an unreadable one, or another site', () => {
  for (const row of REFUSED) assert.equal(isRefused(row), true, JSON.stringify(row));
});

test('every method but the safe ones counts as a change', () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'post', '']) {
    assert.equal(isRefused({ sites: ['cross-site'] }, method), true, method);
  }
  for (const method of ['GET', 'HEAD', 'OPTIONS']) assert.equal(isRefused({ sites: ['cross-site'] }, method), false, method);
});

test('a form on another site cannot create a project, and a request with an API key may come from anywhere', () =>
  withServer(
    async (server) => {
      const headers = { Origin: 'http://evil.example', 'X-Request-Id': 'form' };
      const body = '{"id":"made"}';
      const answer = await server.send('POST', '/api/v1/projects', { key: null, headers, body });
      assert.deepEqual([answer.status, problemOf(answer)['code']], [403, 'cross_site_request']);
      assert.equal(server.projects.lastChange, undefined);
      assert.equal((await server.lineOf('form'))['code'], 'cross_site_request');
      assert.equal((await server.send('POST', '/api/v1/projects', { headers, body })).status, 201);
    },
    { globalOpen: true },
  ));

test('the refusal comes after the route and the credentials, and before the project and the body', () =>
  withServer(
    async (server) => {
      const ask = async (head: string): Promise<readonly [number, string | undefined]> => {
        const { text } = await exchange(server.port, `${head}Host: 127.0.0.1\r\nOrigin: null\r\nConnection: close\r\n\r\n`);
        return [statusOf(text), codeOf(text)];
      };
      assert.deepEqual(await ask('POST /nowhere HTTP/1.1\r\n'), [404, 'not_found']);
      assert.deepEqual(await ask('PATCH /api/v1/projects HTTP/1.1\r\n'), [405, 'method_not_allowed']);
      assert.deepEqual(await ask('PUT /api/v1/projects/alpha HTTP/1.1\r\n'), [401, 'unauthorized']);
      assert.deepEqual(await ask('POST /api/v1/projects HTTP/1.1\r\nX-API-Key: wrong\r\n'), [401, 'unauthorized']);
      assert.deepEqual(await ask('DELETE /api/v1/projects/none HTTP/1.1\r\n'), [403, 'cross_site_request']);
      assert.deepEqual(await ask('POST /api/v1/projects HTTP/1.1\r\nContent-Type: text/plain\r\n'), [403, 'cross_site_request']);
    },
    { globalOpen: true },
  ));

test.run();
