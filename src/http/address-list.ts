import { BlockList, isIP } from 'node:net';

/** A set of address ranges. */
export interface AddressList {
  /** Returns whether an address is in a range. An IPv4 address is also found in its IPv6 form; other text is in
   *  none. */
  has(address: string): boolean;
}

/** Makes a list.
 *  @param ranges in CIDR form, or single addresses */
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
