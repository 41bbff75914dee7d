import { hash } from 'node:crypto';
import { extensionType, type ClientHello } from './client-hello.ts';

/** JA4, the TLS client fingerprint of FoxIO (BSD 3-Clause, see NOTICE), implemented from its published description.
 *  Of the JA4+ family only this method is free to use. The transport is always `t`, TLS over TCP: the proxy has
 *  neither QUIC (`q`) nor DTLS (`d`). */
export interface Ja4 {
  /** Such as `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
  readonly ja4: string;
  /** JA4 as if the hello had none of `unstableExtensions`. */
  readonly stable: string;
}

const countMax = 99;
const comma = 0x2c;
const emptyHash = '000000000000';

/** The definition of the stable form, `ja4_stable_2`: the extensions that it leaves out. They differ between two
 *  connections of one client, so that its plain JA4 changes and this form does not.
 *
 *  - padding (21, RFC 7685): depends on the length of the server name.
 *  - session_ticket (35, RFC 5077): depends on the tickets that the client has or requests.
 *  - pre_shared_key (41) and early_data (42, RFC 8446 §4.2.10, §4.2.11): only in resumption.
 *
 *  The first definition, `ja4_stable`, left out 21, 41 and 42. Another list needs another name. */
export const unstableExtensions = [
  extensionType.padding,
  extensionType.sessionTicket,
  extensionType.preSharedKey,
  extensionType.earlyData,
] as const;
const unstable: ReadonlySet<number> = new Set(unstableExtensions);

const versionNames: Readonly<Record<number, string>> = {
  0x0304: '13',
  0x0303: '12',
  0x0302: '11',
  0x0301: '10',
  0x0300: 's3',
  0x0002: 's2',
  0xfeff: 'd1',
  0xfefd: 'd2',
  0xfefc: 'd3',
};

/** Returns both forms of a hello's fingerprint. Costs two or three short hashes. */
export function ja4(hello: ClientHello): Ja4 {
  const ciphers = withoutGrease(hello.cipherSuites).sort();
  const extensions = withoutGrease(hello.extensions).sort();
  const cipherHash = hash12(hexList(ciphers));
  const form = (types: Uint16Array): string =>
    `${summary(hello, ciphers, types)}_${cipherHash}_${hash12(listExtensions(types, hello))}`;
  const fingerprint = form(extensions);
  const changes = extensions.some((type) => unstable.has(type));
  return {
    ja4: fingerprint,
    stable: changes ? form(extensions.filter((type) => !unstable.has(type))) : fingerprint,
  };
}

/** Returns the fingerprint with the lists in place of their hashes, for people. */
export function ja4Raw(hello: ClientHello): string {
  const ciphers = withoutGrease(hello.cipherSuites).sort();
  const extensions = withoutGrease(hello.extensions).sort();
  return `${summary(hello, ciphers, extensions)}_${hexList(ciphers)}_${listExtensions(extensions, hello)}`;
}

/** Returns the readable first part: transport, version, server name, two counts, first protocol. */
function summary(hello: ClientHello, ciphers: Uint16Array, extensions: Uint16Array): string {
  const destination = extensions.includes(extensionType.serverName) ? 'd' : 'i';
  return `t${version(hello)}${destination}${count(ciphers)}${count(extensions)}${protocol(hello.alpn[0])}`;
}

function version({ supportedVersions: offered, legacyVersion }: ClientHello): string {
  let highest = 0;
  for (const version of offered ?? [legacyVersion])
    if (version > highest && !isGrease(version)) highest = version;
  return versionNames[highest] ?? '00';
}

/** Returns the first and last character of the first protocol name, or of its hexadecimal form when one of them is
 *  not alphanumeric; `00` without a name. When neither is ASCII, `99`: the description requires hexadecimal there
 *  too, but FoxIO's command line tools print this, and databases have their output. */
function protocol(name: string | undefined): string {
  if (name === undefined || name === '') return '00';
  const first = name.codePointAt(0)!;
  const last = name.codePointAt(name.length - 1)!;
  if (isAlphanumeric(first) && isAlphanumeric(last)) return name[0]! + name.at(-1)!;
  if (first > 0x7f && last > 0x7f) return '99';
  const hex = Buffer.from(name, 'latin1').toString('hex');
  return hex[0]! + hex.at(-1)!;
}

function isAlphanumeric(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (code < 0x80 && lower >= 0x61 && lower <= 0x7a);
}

/** Returns the extensions in numerical order, without those in the first part, then the signature algorithms in the
 *  client's order. */
function listExtensions(extensions: Uint16Array, { signatureAlgorithms }: ClientHello): string {
  const algorithms = hexList(withoutGrease(signatureAlgorithms));
  return hexList(extensions, told) + (algorithms === '' ? '' : `_${algorithms}`);
}

/** Returns whether a value is a random one of RFC 8701: two equal bytes with low halves 0xA. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** Returns code points without GREASE, in a typed array, which sorts without a call per comparison. */
function withoutGrease(codePoints: readonly number[]): Uint16Array {
  const kept = new Uint16Array(codePoints.length);
  let length = 0;
  for (const value of codePoints) if (!isGrease(value)) kept[length++] = value;
  return length === kept.length ? kept : kept.subarray(0, length);
}

const none: ReadonlySet<number> = new Set();
/** Extensions that are part of the first part. */
const told: ReadonlySet<number> = new Set([extensionType.serverName, extensionType.alpn]);
const digits = Buffer.from('0123456789abcdef');

/** Returns code points in hexadecimal, such as `0005,000a`, without some. */
function hexList(codePoints: Uint16Array, without: ReadonlySet<number> = none): string {
  const text = Buffer.allocUnsafe(codePoints.length * 5);
  let at = 0;
  for (const codePoint of codePoints) {
    if (without.has(codePoint)) continue;
    text[at++] = digits[codePoint >> 12]!;
    text[at++] = digits[(codePoint >> 8) & 15]!;
    text[at++] = digits[(codePoint >> 4) & 15]!;
    text[at++] = digits[codePoint & 15]!;
    text[at++] = comma;
  }
  return text.toString('latin1', 0, Math.max(0, at - 1));
}

function count(values: Uint16Array): string {
  return String(Math.min(values.length, countMax)).padStart(2, '0');
}

function hash12(list: string): string {
  return list === '' ? emptyHash : hash('sha256', list, 'hex').slice(0, 12);
}
