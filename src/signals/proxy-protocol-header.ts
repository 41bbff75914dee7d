import { crc32c } from './crc32c.ts';
import { parseIp } from './ip-address.ts';
import { attestationTypeDefault } from './packed-attestation.ts';
import type { Endpoint } from './proxy-protocol.ts';
import { sslClient, tlvType } from './proxy-tlv.ts';

/** How much the header has.
 *
 *  - `none`: addresses without fields, in 28 or 52 bytes (16 without addresses), for receivers that read no more than
 *    107.
 *  - `standard`: addresses, checksum and attestation.
 *  - `full`: in addition the connection's id, server name, protocol and TLS version, as load balancers send them. */
export type ProxyProfile = 'none' | 'standard' | 'full';

export interface ProxyHeaderInput {
  /** Undefined when it is withheld: the header then has no addresses (AF_UNSPEC), and receivers use those of the
   *  socket. */
  readonly source: Endpoint | undefined;
  readonly destination: Endpoint;
  readonly profile: ProxyProfile;
  /** A packed attestation (see `packAttestation`). Left out of profile `none`. */
  readonly attestation?: Uint8Array;
  /** Type of the field with the attestation, 0xE0 to 0xEF. Default `attestationTypeDefault`. */
  readonly attestationType?: number;
  /** Profile `full` only. */
  readonly uniqueId?: Uint8Array;
  readonly authority?: string;
  readonly alpn?: string;
  /** Such as `TLSv1.3`. */
  readonly tlsVersion?: string;
  /** Bytes of the largest header. Default 536: the first segment of any path (RFC 9293 §3.7.1). */
  readonly headerBytesMax?: number;
}

/** - `header`: bytes to write in one write, before anything else.
 *  - `too-large`: the header would have this many `bytes`.
 *  - `invalid-address`: an endpoint is no IP address and port. */
export type ProxyHeaderAnswer =
  | { readonly kind: 'header'; readonly header: Buffer }
  | { readonly kind: 'too-large'; readonly bytes: number; readonly headerBytesMax: number }
  | { readonly kind: 'invalid-address' };

const headerBytesMaxDefault = 536;
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const localCommand = 0x20;
const proxyCommand = 0x21;
const tcpOverIpv4 = 0x11;
const tcpOverIpv6 = 0x21;
const unspecified = 0x00;

/** Returns a PROXY protocol v2 header for a TCP connection (proxy-protocol.txt §2.2). When one address is IPv4 and
 *  the other IPv6, the IPv4 one is written as IPv4-mapped. */
export function proxyHeader(input: ProxyHeaderInput): ProxyHeaderAnswer {
  const { headerBytesMax = headerBytesMaxDefault } = input;
  const addresses =
    input.source === undefined ? Buffer.alloc(0) : addressBlock(input.source, input.destination);
  if (addresses === undefined) return { kind: 'invalid-address' };
  const fields = input.profile === 'none' ? [] : [...describe(input), tlv(tlvType.crc32c, Buffer.alloc(4))];
  const payload = Buffer.concat([addresses, ...fields]);
  const bytes = signature.length + 4 + payload.length;
  if (bytes > headerBytesMax || payload.length > 0xffff) return { kind: 'too-large', bytes, headerBytesMax };
  const family = families[addresses.length]!;
  const header = Buffer.concat([signature, Buffer.of(proxyCommand, family), uint16(payload.length), payload]);
  // The checksum is the last field, so its value is the last four bytes.
  if (fields.length > 0) header.writeUInt32BE(crc32c(header), header.length - 4);
  return { kind: 'header', header };
}

/** Header of a connection of the sender's own, such as a test (proxy-protocol.txt §2.2, LOCAL). Receivers use the
 *  addresses of the socket. */
export const localProxyHeader: Uint8Array = Buffer.concat([
  signature,
  Buffer.of(localCommand, unspecified),
  uint16(0),
]);

/** Family and protocol byte, by the size of the addresses in bytes. */
const families: Readonly<Record<number, number>> = { 0: unspecified, 12: tcpOverIpv4, 36: tcpOverIpv6 };

function describe(input: ProxyHeaderInput): Buffer[] {
  const fields: Buffer[] = [];
  if (input.profile === 'full') {
    if (input.alpn !== undefined) fields.push(tlv(tlvType.alpn, Buffer.from(input.alpn, 'latin1')));
    if (input.authority !== undefined) fields.push(tlv(tlvType.authority, Buffer.from(input.authority)));
    if (input.uniqueId !== undefined) fields.push(tlv(tlvType.uniqueId, input.uniqueId));
    if (input.tlsVersion !== undefined) fields.push(tlv(tlvType.ssl, sslValue(input.tlsVersion)));
  }
  const { attestation, attestationType = attestationTypeDefault } = input;
  if (attestation !== undefined) fields.push(tlv(attestationType, attestation));
  return fields;
}

/** Returns the value of the TLS field, without a client certificate: the verify field is then other than 0 (§2.2.6). */
function sslValue(version: string): Buffer {
  return Buffer.concat([Buffer.of(sslClient.ssl, 0, 0, 0, 1), tlv(tlvType.sslVersion, Buffer.from(version))]);
}

function tlv(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type), uint16(value.length), value]);
}

function addressBlock(source: Endpoint, destination: Endpoint): Buffer | undefined {
  const from = parseIp(source.address);
  const to = parseIp(destination.address);
  if (from === undefined || to === undefined || !isPort(source.port) || !isPort(destination.port))
    return undefined;
  const wide = from.version === 6 || to.version === 6;
  const widen = (bytes: Uint8Array): Uint8Array => (wide && bytes.length === 4 ? mapped(bytes) : bytes);
  return Buffer.concat([widen(from.bytes), widen(to.bytes), uint16(source.port), uint16(destination.port)]);
}

function mapped(ipv4: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(10), Buffer.of(0xff, 0xff), ipv4]);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 0xffff;
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}
