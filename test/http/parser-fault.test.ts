import assert from 'node:assert/strict';
import { parserFault } from '../../src/http/parser-fault.js';
import { suite } from '../suite.js';

const test = suite('parser-fault');

function fault(code: string, packet = ''): ReturnType<typeof parserFault> {
  return parserFault(Object.assign(new Error('Parse Error'), { code, rawPacket: Buffer.from(packet) }));
}

test('parserFault() maps each fault to its code', () => {
  const table = {
    HPE_HEADER_OVERFLOW: 'headers_too_large',
    ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
    HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
    HPE_INVALID_VERSION: 'http_version_not_supported',
    HPE_INVALID_URL: 'invalid_target',
    HPE_INVALID_EOF_STATE: 'incomplete_body',
    HPE_INVALID_HEADER_TOKEN: 'bad_request',
    toString: 'bad_request',
  };
  for (const [code, ours] of Object.entries(table)) assert.equal(fault(code).error.code, ours, code);
  assert.equal(parserFault(new Error('x')).error.code, 'bad_request');
});

test('parserFault() distinguishes an unknown method from bytes that are not a request', () => {
  assert.equal(fault('HPE_INVALID_METHOD', 'FROB / HTTP/1.1').error.code, 'method_not_allowed');
  assert.equal(fault('HPE_INVALID_METHOD', 'get / HTTP/1.1').isUnknownMethod, true);
  assert.equal(fault('HPE_INVALID_METHOD', '\u0016\u0003\u0001').error.code, 'bad_request');
  assert.equal(fault('HPE_INVALID_METHOD', '{"a": /}').isUnknownMethod, false);
});

test('parserFault() distinguishes a request line that ends in LF alone from another version', () => {
  const versioned = (packet: string, bytesParsed: number): string => {
    const facts = { code: 'HPE_INVALID_VERSION', rawPacket: Buffer.from(packet), bytesParsed };
    return parserFault(Object.assign(new Error('Parse Error'), facts)).error.code;
  };
  assert.equal(versioned('GET / HTTP/1.1\nHost: x\r\n', 15), 'bad_request');
  assert.equal(versioned('\n\n', 1), 'bad_request');
  assert.equal(versioned('GET / HTTP/1.10\r\n', 14), 'http_version_not_supported');
});

test.run();
