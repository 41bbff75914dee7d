import { BlockList, isIP } from 'node:net';

/** Address ranges to look addresses up in. */
export interface AddressList {
  /** Whether an address is in one of the ranges; an IPv4 address also in its IPv6 form. What is no address is not. */
  has(address: string): boolean;
}

/** @param ranges in CIDR form, or single addresses. */
export function addressList(ranges: readonly string[]): AddressList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(network, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  }
  return {
    has(address) {
      const family = isIP(address);
      return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
    },
  };
}
