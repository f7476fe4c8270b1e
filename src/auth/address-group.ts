/**
 * Groups client addresses into callers, for rate limits and fair queueing.
 *
 * An IPv6 subscriber has a whole /64 and can use a new address for every request, so a /64 is one group. An IPv4 address that
 * arrives over an IPv6 socket (`::ffff:192.0.2.1`) is that IPv4 address.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** The group of everything that is not an address. */
const UNKNOWN_ADDRESS_GROUP = 'unknown';

const IPV6_GROUPS = 8;
const IPV6_NETWORK_GROUPS = 4;
const BITS_PER_BYTE = 8;
const HEXADECIMAL = 16;
const BYTE_VALUES = 256;
/** An IPv4-mapped address has five groups of zeros and one of ones before the IPv4 address. */
const IPV4_MAPPED_PREFIX = '0:0:0:0:0:ffff:';

/**
 * Returns the group of an address.
 *
 * @param address as reported by a socket or a proxy: IPv4, IPv6 with or without a zone, or any other text
 * @returns an IPv4 address, an IPv6 network such as `2001:db8:0:1::/64`, or `unknown`
 */
export function groupAddress(address: string): string {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return UNKNOWN_ADDRESS_GROUP;
  const [withoutZone = ''] = address.split('%');
  const groups = expandIpv6(withoutZone);
  const [high = 0, low = 0] = groups.slice(-2);
  if (isMapped(groups)) return [...toBytes(high), ...toBytes(low)].join('.');
  return `${groups.slice(0, IPV6_NETWORK_GROUPS).map(toHex).join(':')}::/64`;
}

function isMapped(groups: readonly number[]): boolean {
  return groups.map(toHex).join(':').startsWith(IPV4_MAPPED_PREFIX);
}

function toHex(group: number): string {
  return group.toString(HEXADECIMAL);
}

function toBytes(group: number): readonly number[] {
  return [group >> BITS_PER_BYTE, group % BYTE_VALUES];
}

/** @param address a valid IPv6 address without a zone */
function expandIpv6(address: string): readonly number[] {
  const [head = '', tail = ''] = address.split('::');
  const before = parseGroups(head);
  const after = parseGroups(tail);
  const zeros = Array.from({ length: Math.max(IPV6_GROUPS - before.length - after.length, 0) }, () => 0);
  return [...before, ...zeros, ...after];
}

function parseGroups(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? parseDotted(group) : [Number.parseInt(group, HEXADECIMAL)]));
}

function parseDotted(text: string): readonly number[] {
  const [first = 0, second = 0, third = 0, fourth = 0] = text.split('.').map(Number);
  return [first * BYTE_VALUES + second, third * BYTE_VALUES + fourth];
}
