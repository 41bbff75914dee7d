import { parseIp, prefixOf, type IpAddress } from './ip-address.ts';

/** Networks whose PROXY headers are trusted. */
export interface TrustedNetworks {
  /** Returns whether the address is in a network. False for text that is no address. */
  has(address: string): boolean;
}

/** - `networks`: the matcher.
 *  - `invalid`: the entry at `index` is no CIDR block (RFC 4632, RFC 4291 §2.3), or has bits set after its prefix. */
export type TrustedNetworksAnswer =
  | { readonly kind: 'networks'; readonly networks: TrustedNetworks }
  | { readonly kind: 'invalid'; readonly index: number };

interface Block {
  readonly address: IpAddress;
  readonly prefixBits: number;
}

/** Parses CIDR blocks (`10.0.0.0/8`, `2001:db8::/32`); a bare address is a block of one. IPv4-mapped addresses match
 *  IPv4 blocks. */
export function parseTrustedNetworks(blocks: readonly string[]): TrustedNetworksAnswer {
  const parsed: Block[] = [];
  for (const [index, text] of blocks.entries()) {
    const block = parseBlock(text);
    if (block === undefined) return { kind: 'invalid', index };
    parsed.push(block);
  }
  return {
    kind: 'networks',
    networks: {
      has(text) {
        const address = parseIp(text);
        return address !== undefined && parsed.some((block) => contains(block, address));
      },
    },
  };
}

function parseBlock(text: string): Block | undefined {
  const [, host = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseIp(host);
  if (address === undefined) return undefined;
  // The prefix of a mapped block counts from the start of the IPv6 address.
  const offset = address.version === 4 && host.includes(':') ? 96 : 0;
  const width = address.bytes.length * 8;
  const prefixBits = prefix === undefined ? width : Number(prefix) - offset;
  if (prefixBits < 0 || prefixBits > width) return undefined;
  return contains({ address: prefixOf(address, prefixBits), prefixBits: width }, address)
    ? { address, prefixBits }
    : undefined;
}

function contains(block: Block, address: IpAddress): boolean {
  if (block.address.version !== address.version) return false;
  return Buffer.compare(prefixOf(address, block.prefixBits).bytes, block.address.bytes) === 0;
}
