import { hash } from 'node:crypto';
import { extensionType, type ClientHello } from './client-hello.ts';

/** JA4, the TLS client fingerprint of FoxIO (BSD 3-Clause, see NOTICE), after its published description. Of the
 *  JA4+ family only this method is free to use; no other one is computed here. The transport is always `t`, TLS
 *  over TCP: the proxy speaks neither QUIC (`q`) nor DTLS (`d`). */
export interface Ja4 {
  /** `t13d1516h2_8daaf6152771_e5627efa2ab1` */
  readonly ja4: string;
  /** JA4 as if the hello had no padding (21), pre_shared_key (41) and early_data (42): these come and go with
   *  resumption and name length, so the plain JA4 of one client changes and this one does not. */
  readonly stable: string;
}

const countMax = 99;
const comma = 0x2c;
const emptyHash = '000000000000';
const unstable: ReadonlySet<number> = new Set([
  extensionType.padding,
  extensionType.preSharedKey,
  extensionType.earlyData,
]);

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

/** Both forms of a hello's fingerprint. Pure; the cost is two or three short hashes. */
export function ja4(hello: ClientHello): Ja4 {
  const ciphers = withoutGrease(hello.cipherSuites);
  const extensions = withoutGrease(hello.extensions);
  const cipherHash = hash12(hexList(sorted(ciphers)));
  const form = (types: readonly number[]): string =>
    `${summary(hello, ciphers, types)}_${cipherHash}_${hash12(listExtensions(types, hello))}`;
  const fingerprint = form(extensions);
  const changes = extensions.some((type) => unstable.has(type));
  return {
    ja4: fingerprint,
    stable: changes ? form(extensions.filter((type) => !unstable.has(type))) : fingerprint,
  };
}

/** The fingerprint with the lists in place of their hashes, for people. */
export function ja4Raw(hello: ClientHello): string {
  const ciphers = withoutGrease(hello.cipherSuites);
  const extensions = withoutGrease(hello.extensions);
  return `${summary(hello, ciphers, extensions)}_${hexList(sorted(ciphers))}_${listExtensions(extensions, hello)}`;
}

/** The readable first part: transport, version, server name, two counts, first protocol. */
function summary(hello: ClientHello, ciphers: readonly number[], extensions: readonly number[]): string {
  const destination = extensions.includes(extensionType.serverName) ? 'd' : 'i';
  return `t${version(hello)}${destination}${count(ciphers)}${count(extensions)}${protocol(hello.alpn[0])}`;
}

function version(hello: ClientHello): string {
  const offered = hello.supportedVersions;
  const highest = offered === undefined ? hello.legacyVersion : Math.max(0, ...withoutGrease(offered));
  return versionNames[highest] ?? '00';
}

/** First and last character of the first protocol name, or of its hexadecimal form when one of them is not
 *  alphanumeric. `00` without a name. When neither is ASCII, `99`: the description wants hexadecimal there too, but
 *  FoxIO's command line tools print this, and what they print is what databases hold. */
function protocol(name: string | undefined): string {
  if (name === undefined || name === '') return '00';
  const ends = name[0]! + name.at(-1)!;
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  if (/^[\x80-\xff]{2}$/.test(ends)) return '99';
  const hex = Buffer.from(name, 'latin1').toString('hex');
  return hex[0]! + hex.at(-1)!;
}

/** Extensions in order of their numbers, without those that the first part already tells, then the signature
 *  algorithms in the order of the client's preference. */
function listExtensions(extensions: readonly number[], hello: ClientHello): string {
  const listed = extensions.filter(
    (type) => type !== extensionType.serverName && type !== extensionType.alpn,
  );
  const algorithms = hexList(withoutGrease(hello.signatureAlgorithms));
  return hexList(sorted(listed)) + (algorithms === '' ? '' : `_${algorithms}`);
}

/** GREASE values (RFC 8701): both bytes equal, low halves 0xA. They are random and say nothing. */
function withoutGrease(values: readonly number[]): number[] {
  return values.filter((value) => (value & 0x0f0f) !== 0x0a0a || value >> 8 !== (value & 0xff));
}

/** Numbers in an array of their own kind sort without a call for each comparison. */
function sorted(codePoints: readonly number[]): Uint16Array {
  return new Uint16Array(codePoints).sort();
}

const digits = Buffer.from('0123456789abcdef');

/** `0005,000a` */
function hexList(codePoints: ArrayLike<number>): string {
  const text = Buffer.allocUnsafe(codePoints.length * 5);
  for (let index = 0, at = 0; index < codePoints.length; index += 1, at += 5) {
    const codePoint = codePoints[index]!;
    text[at] = digits[codePoint >> 12]!;
    text[at + 1] = digits[(codePoint >> 8) & 15]!;
    text[at + 2] = digits[(codePoint >> 4) & 15]!;
    text[at + 3] = digits[codePoint & 15]!;
    text[at + 4] = comma;
  }
  return text.toString('latin1', 0, Math.max(0, text.length - 1));
}

function count(values: readonly number[]): string {
  return String(Math.min(values.length, countMax)).padStart(2, '0');
}

function hash12(list: string): string {
  return list === '' ? emptyHash : hash('sha256', list, 'hex').slice(0, 12);
}
