/** Values that occur nowhere else, in the syntax of the field that carries them. */
import { checkPrimeSync, createHash } from 'node:crypto';

/** Returns bytes that cannot be guessed; the tests give the same ones again. */
export type RandomBytes = (byteLength: number) => Uint8Array;

/** A value on the wire, and the part of it by which it is found again. */
export interface Marker {
  /** The value as it is sent. */
  readonly value: string;
  /** The part that is searched for: it is in no other value. */
  readonly needle: string;
  /** Whether the needle only counts where no further digit follows or precedes. */
  readonly isNumber: boolean;
  /** The bytes that the value is base64 of; undefined where it stands for itself. */
  readonly decoded?: Marker;
}

const letters = 'abcdefghijklmnopqrstuvwxyz';
const alphabet = `${letters}0123456789`;

/** Characters of a word: a multiple of four, so that the word is base64 too. */
const wordCharacters = 20;
/** Characters of a word that identify it; a value that was cut off after them is still found. */
const tellingCharacters = 12;
/** Characters of base64 that these become. */
const tellingBase64 = 16;

const tls13Suites = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];
/** Their code points, in hexadecimal. */
const alwaysSent = ['1302', '1303', '1301'];
/** Suites of TLS 1.2: the name in OpenSSL and the code point. A client of the run offers some of them. */
const cipherSuites: readonly (readonly [name: string, code: string])[] = [
  ['ECDHE-ECDSA-AES128-GCM-SHA256', 'c02b'],
  ['ECDHE-RSA-AES128-GCM-SHA256', 'c02f'],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', 'c02c'],
  ['ECDHE-RSA-AES256-GCM-SHA384', 'c030'],
  ['ECDHE-ECDSA-CHACHA20-POLY1305', 'cca9'],
  ['ECDHE-RSA-CHACHA20-POLY1305', 'cca8'],
  ['DHE-RSA-AES128-GCM-SHA256', '009e'],
  ['DHE-RSA-AES256-GCM-SHA384', '009f'],
  ['DHE-RSA-CHACHA20-POLY1305', 'ccaa'],
  ['ECDHE-ECDSA-AES128-SHA256', 'c023'],
  ['ECDHE-RSA-AES128-SHA256', 'c027'],
  ['ECDHE-ECDSA-AES256-SHA384', 'c024'],
  ['ECDHE-RSA-AES256-SHA384', 'c028'],
  ['DHE-RSA-AES128-SHA256', '0067'],
  ['DHE-RSA-AES256-SHA256', '006b'],
  ['AES128-GCM-SHA256', '009c'],
  ['AES256-GCM-SHA384', '009d'],
  ['AES128-SHA256', '003c'],
  ['AES256-SHA256', '003d'],
];

const makers = {
  /** Letters and digits, a letter first: an XML name, a label of a domain, a resource, base64. */
  word(random: RandomBytes): Marker {
    const value = word(random, wordCharacters);
    return text(value, value.slice(0, tellingCharacters));
  },
  /** Base64 of a word: content of the chat channel in the XML form. */
  bytes(random: RandomBytes): Marker {
    const plain = word(random, wordCharacters);
    const value = Buffer.from(plain).toString('base64');
    const decoded = text(plain, plain.slice(0, tellingCharacters));
    return { ...text(value, value.slice(0, tellingBase64)), decoded };
  },
  /** A word in capitals, such as a SASL mechanism (RFC 4422 §3.1). */
  capitals(random: RandomBytes): Marker {
    const value = word(random, wordCharacters).toUpperCase();
    return text(value, value.slice(0, tellingCharacters));
  },
  /** A time with microseconds (XEP-0082 §3). Only the time of the day is searched for. */
  time(random: RandomBytes): Marker {
    const [hour, minute, second] = [
      pad(2, below(random, 24)),
      pad(2, below(random, 60)),
      pad(2, below(random, 60)),
    ];
    const needle = `${hour}:${minute}:${second}.${pad(6, below(random, 1_000_000))}`;
    return text(`2026-03-1${below(random, 9)}T${needle}Z`, needle);
  },
  /** Ten digits that fit into 32 bits: a prime, which no grain divides, so that it is another number once coarsened. */
  count(random: RandomBytes): Marker {
    const value = String(primeFrom(3_000_000_000 + below(random, 1_000_000_000)));
    return { value, needle: value, isNumber: true };
  },
  /** A decimal fraction of degrees (XEP-0080). */
  degrees(random: RandomBytes): Marker {
    const needle = `45.${pad(9, below(random, 1_000_000_000))}${pad(3, below(random, 1_000))}`;
    return { value: needle, needle, isNumber: true };
  },
  /** A language tag with private subtags (RFC 5646 §2.2.7). */
  language(random: RandomBytes): Marker {
    const needle = `${word(random, 8)}-${word(random, 8)}`;
    return text(`de-x-${needle}`, needle);
  },
  /** An address of the documentation range 2001:db8::/32 (RFC 3849). */
  ipv6(random: RandomBytes): Marker {
    const groups = Array.from({ length: 6 }, () => (0x1000 + below(random, 0xf000)).toString(16));
    const needle = groups.join(':');
    return text(`2001:db8:${needle}`, needle);
  },
  /** A loopback address other than 127.0.0.1. */
  loopback(random: RandomBytes): Marker {
    const needle = `127.${[0, 1, 2].map(() => 101 + below(random, 150)).join('.')}`;
    return { value: needle, needle, isNumber: true };
  },
  /** Cipher suites of a ClientHello in OpenSSL's words. The needle is their part of the fingerprint JA4. */
  ciphers(random: RandomBytes): Marker {
    const chosen = cipherSuites.filter((_, at) => at === 0 || below(random, 2) === 1);
    const codes = [...alwaysSent, ...chosen.map(([, code]) => code)].toSorted();
    const needle = createHash('sha256').update(codes.join(',')).digest('hex').slice(0, tellingCharacters);
    return text([...tls13Suites, ...chosen.map(([name]) => name)].join(':'), needle);
  },
  uuid(random: RandomBytes): Marker {
    const hex = Buffer.from(random(16)).toString('hex');
    const value = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-9${hex.slice(17, 20)}-${hex.slice(20)}`;
    return text(value, value);
  },
} as const satisfies Readonly<Record<string, (random: RandomBytes) => Marker>>;

export type MarkerKind = keyof typeof makers;

/** Makes a marker of a kind. */
export function makeMarker(kind: MarkerKind, random: RandomBytes): Marker {
  return makers[kind](random);
}

export function isMarkerKind(name: string): name is MarkerKind {
  return Object.hasOwn(makers, name);
}

function text(value: string, needle: string): Marker {
  return { value, needle, isNumber: false };
}

function word(random: RandomBytes, length: number): string {
  const bytes = random(length);
  return Array.from(bytes, (byte, at) => {
    const from = at === 0 ? letters : alphabet;
    return from[byte % from.length]!;
  }).join('');
}

function below(random: RandomBytes, bound: number): number {
  return Buffer.from(random(4)).readUInt32LE() % bound;
}

/** Returns the least prime that is not below a number. */
function primeFrom(number: number): bigint {
  let candidate = BigInt(number);
  while (!checkPrimeSync(candidate)) candidate += 1n;
  return candidate;
}

function pad(digits: number, value: number): string {
  return String(value).padStart(digits, '0');
}
