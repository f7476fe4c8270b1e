import assert from 'node:assert/strict';
import { compileSchema, escapePointer, type SchemaFault } from '../../src/base/json-schema.js';
import { suite } from '../suite.js';

const UNKNOWN = { expected: 'no such field', kind: 'unknown' } as const;

const test = suite('json-schema');

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['port'],
  properties: {
    'port': { type: 'integer', minimum: 1, maximum: 65535, description: 'a port from 1 to 65535' },
    'name': { type: 'string', minLength: 2 },
    'level': { enum: ['info', 'warn'] },
    'version': { const: 1 },
    'id': { type: 'string', pattern: '^[a-z]+$' },
    'a/b~c': { type: 'boolean' },
    'list': { type: 'array', items: { type: 'object', additionalProperties: false, properties: { on: { type: 'boolean' } } } },
    'either': { type: ['string', 'null'] },
  },
};

const check = compileSchema<{ readonly port: number }>(SCHEMA);

function faultOf(document: unknown): SchemaFault {
  const checked = check(document);
  assert.ok(!checked.ok, 'the document is refused');
  return checked.fault;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

test('a valid document is returned as it is', () => {
  const document = { port: 1, either: null };
  const checked = check(document);
  assert.ok(checked.ok);
  assert.equal(checked.document, document);
});

test('nothing is coerced, removed or filled in', () => {
  const withDefault = compileSchema({ type: 'object', properties: { a: { type: 'integer', default: 3 } } });
  const document = { b: 1 };
  assert.ok(withDefault(document).ok);
  assert.deepEqual(document, { b: 1 });
  assert.deepEqual(faultOf({ port: '80' }), { pointer: '/port', expected: 'a port from 1 to 65535', found: '"80"' });
});

/** Documents and the fault of each. */
const FAULTS: readonly (readonly [string, unknown, SchemaFault])[] = [
  ['a whole document of another type', [], { pointer: '', expected: 'object', found: '[]' }],
  ['a missing field', {}, { pointer: '/port', expected: 'this field to be present', kind: 'missing' }],
  ['an unknown field', { port: 1, prot: 2 }, { pointer: '/prot', ...UNKNOWN }],
  ['an unknown field with a slash and a tilde', { port: 1, 'x/y~z': 2 }, { pointer: '/x~1y~0z', ...UNKNOWN }],
  ['an unknown field deep inside', { port: 1, list: [{}, { off: 1 }] }, { pointer: '/list/1/off', ...UNKNOWN }],
  ['a member that would be a prototype', JSON.parse('{"port":1,"__proto__":{}}'), { pointer: '/__proto__', ...UNKNOWN }],
  [
    'a number out of range, in the words of the schema', { port: 65_536 },
    { pointer: '/port', expected: 'a port from 1 to 65535', found: '65536' },
  ],
  ['a wrong type', { port: 1, name: 5 }, { pointer: '/name', expected: 'string', found: '5' }],
  ['one of several types', { port: 1, either: 5 }, { pointer: '/either', expected: 'string,null', found: '5' }],
  ['a value that is not listed', { port: 1, level: 'loud' }, { pointer: '/level', expected: 'one of ["info","warn"]', found: '"loud"' }],
  ['a value other than the only one', { port: 1, version: 2 }, { pointer: '/version', expected: '1', found: '2' }],
  ['text of another form', { port: 1, id: 'A' }, { pointer: '/id', expected: 'match pattern "^[a-z]+$"', found: '"A"' }],
  ['a text that is too short', { port: 1, name: 'a' }, { pointer: '/name', expected: 'not to have fewer than 2 characters', found: '"a"' }],
  ['a wrong type under an escaped name', { port: 1, 'a/b~c': 1 }, { pointer: '/a~1b~0c', expected: 'boolean', found: '1' }],
  ['nothing at all', undefined, { pointer: '', expected: 'object', found: 'nothing' }],
];

for (const [what, document, fault] of FAULTS) {
  test(`the fault names the pointer and the expectation: ${what}`, () => assert.deepEqual(faultOf(document), fault));
}

test('only one of several violations is reported', () => {
  assert.deepEqual(Object.keys(faultOf({ port: 0, level: 'loud', name: 1 })), ['pointer', 'expected', 'found']);
});

test('a long value is truncated', () => {
  assert.equal(faultOf({ port: 'x'.repeat(1000) }).found, `"${'x'.repeat(59)}…`);
  assert.equal(faultOf({ port: 'x'.repeat(58) }).found, `"${'x'.repeat(58)}"`);
});

test('a value nested a hundred thousand levels deep is reported like any other', () => {
  const fault = faultOf({ port: nested(100_000) });
  assert.equal(fault.pointer, '/port');
  assert.equal(fault.found, 'a value nested too deep to show');
});

test('a mistake in a schema is an error at its first use', () => {
  for (const [schema, said] of [
    [{ type: 'object', propertis: {} }, /propertis/], [{ type: 'integer', minimum: '3' }, /minimum/], [{ type: 'strin' }, /strin/],
    [{ type: 'object', required: 'a' }, /required/], [{ type: 'array', items: 3 }, /items/], [{ type: 'string', pattern: '(' }, /group/],
    [{ type: 'object', properties: [1] }, /properties/], [{ type: 'integer', maxLength: 3 }, /maxLength/],
  ] as const) assert.throws(() => compileSchema(schema)({}), said, JSON.stringify(schema));
});

test('a name is escaped by RFC 6901, the tilde first', () => {
  assert.equal(escapePointer('a/b'), 'a~1b');
  assert.equal(escapePointer('a~b'), 'a~0b');
  assert.equal(escapePointer('~1'), '~01');
  assert.equal(escapePointer(''), '');
});

test.run();
