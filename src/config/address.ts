/** `host:port`, with IPv6 literals in brackets (RFC 3986 §3.2.2). Pure; resolves nothing. */
import { isIPv4, isIPv6 } from 'node:net';

export interface HostPort {
  /** A name or an address; IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port`. Where it is malformed, `why` is a predicate that follows "address ". */
export function parseHostPort(
  text: string,
):
  | { readonly kind: 'address'; readonly address: HostPort }
  | { readonly kind: 'malformed'; readonly why: string } {
  const match = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([0-9]{1,5})$/.exec(text);
  if (match === null) return malformed(whyNot(text));
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return malformed('has a port outside 1 to 65535');
  if (bracketed !== undefined && !isIPv6(bracketed)) return malformed('has no IPv6 address in its brackets');
  const host = bracketed ?? plain ?? '';
  if (bracketed === undefined && !isHost(host)) return malformed('has no valid host name or IPv4 address');
  return { kind: 'address', address: { host, port } };
}

function malformed(why: string): { readonly kind: 'malformed'; readonly why: string } {
  return { kind: 'malformed', why };
}

function whyNot(text: string): string {
  if (isIPv6(text) || isIPv6(text.replace(/:[0-9]+$/, ''))) return 'needs brackets around its IPv6 address';
  if (!text.includes(':')) return 'has no port';
  return 'is not of the form host:port';
}

/** Returns whether a text is an IPv4 or IPv6 address without brackets, or a host name. */
export function isBindAddress(text: string): boolean {
  return isIPv6(text) || isHost(text);
}

/** Returns whether a text is an IPv4 address, or a host name of letters, digits and hyphens (RFC 1123 §2.1). */
export function isHost(text: string): boolean {
  if (isIPv4(text)) return true;
  // Some programs read a name whose last label is a number as an IPv4 address, others as a name.
  if (/(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?$/.test(text)) return false;
  return isDomainName(text);
}

/** Returns whether a text is a domain name in ASCII: at most 253 characters, labels of at most 63 (RFC 1035 §2.3.4). */
export function isDomainName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(text)
  );
}

/** Returns whether a host, without brackets, is this machine: `localhost`, 127.0.0.0/8 or ::1 (RFC 6890, RFC 6761 §6.3). */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}
