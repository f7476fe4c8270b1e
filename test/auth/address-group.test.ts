import assert from 'node:assert/strict';
import { groupAddress } from '../../src/auth/address-group.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('address-group');

test('an IPv4 address is its own group', () => {
  assert.equal(groupAddress('192.0.2.1'), '192.0.2.1');
  assert.notEqual(groupAddress('192.0.2.1'), groupAddress('192.0.2.2'));
});

test('an IPv6 address belongs to its /64', () => {
  assert.equal(groupAddress('2001:db8:0:1:aaaa:bbbb:cccc:dddd'), '2001:db8:0:1::/64');
  assert.equal(groupAddress('2001:db8:0:1::1'), '2001:db8:0:1::/64');
  assert.equal(groupAddress('2001:DB8::1:0:0:0:0'), '2001:db8:0:1::/64');
  assert.equal(groupAddress('2001:db8:0:2::1'), '2001:db8:0:2::/64');
  assert.equal(groupAddress('::1'), '0:0:0:0::/64');
  assert.equal(groupAddress('::'), '0:0:0:0::/64');
});

test('the zone of a link-local address is ignored', () => {
  assert.equal(groupAddress('fe80::1%eth0'), groupAddress('fe80::2%eth1'));
});

test('an IPv4 address mapped into IPv6 is that IPv4 address, however it is written', () => {
  for (const text of ['::ffff:192.0.2.1', '::FFFF:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:ffff:192.0.2.1', '0:0:0:0:0:ffff:c000:0201']) {
    assert.equal(groupAddress(text), '192.0.2.1', text);
  }
  assert.equal(groupAddress('::192.0.2.1'), '0:0:0:0::/64');
});

test('everything that is not an address is one group', () => {
  for (const text of ['', 'unknown', '_hidden', '192.0.2', '192.0.2.1:80', '[::1]', 'x'.repeat(10_000)]) {
    assert.equal(groupAddress(text), 'unknown', text);
  }
});

test('only the first 64 bits matter', () => {
  const group = fc.nat(0xffff);
  const half = fc.tuple(group, group, group, group);
  const write = (groups: readonly number[]): string => groups.map((number) => number.toString(16)).join(':');
  const property = fc.property(fc.tuple(half, half, half, half), ([network, otherNetwork, host, otherHost]) => {
    fc.pre(network.some((part) => part !== 0) && otherNetwork.some((part) => part !== 0));
    assert.equal(groupAddress(write([...network, ...host])), groupAddress(write([...network, ...otherHost])));
    const same = write(network) === write(otherNetwork);
    assert.equal(groupAddress(write([...network, ...host])) === groupAddress(write([...otherNetwork, ...host])), same);
  });
  fc.assert(property);
});

test.run();
