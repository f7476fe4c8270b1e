import assert from 'node:assert/strict';
import { browserOrigin, ORIGIN_PATTERN } from '../../src/base/origin.js';
import { suite } from '../suite.js';

const test = suite('origin');

test('an origin is written as a browser writes it', () => {
  const table: Readonly<Record<string, string | undefined>> = {
    'https://app.example.com': 'https://app.example.com',
    'http://localhost:3000': 'http://localhost:3000',
    'http://[::1]:3000': 'http://[::1]:3000',
    'https://APP.example.com': 'https://app.example.com',
    'https://app.example.com:443': 'https://app.example.com',
    'http://app.example.com:80': 'http://app.example.com',
    'https://müller.example': 'https://xn--mller-kva.example',
    'chrome-extension://abcdefgh': 'chrome-extension://abcdefgh',
    'http://:80': undefined,
    'http://a:b': undefined,
  };
  for (const [text, expected] of Object.entries(table)) assert.equal(browserOrigin(text), expected, text);
});

test('the form of an origin has a scheme and no path', () => {
  const form = new RegExp(`^${ORIGIN_PATTERN}$`);
  for (const text of ['http://a', 'https://a.b:1', 'app+x.y-1://a']) assert.ok(form.test(text), text);
  const others = [
    '', '*', 'null', 'a', '//a', 'http:', 'http://', 'http://a/', 'http://a?', 'http://a#', 'http://u@a', 'http://*.a', 'http://a b',
    'HTTP://a',
  ];
  for (const text of others) assert.ok(!form.test(text), text);
});

test.run();
