/** Support codes: shown to the user of a refused client, and looked up by support staff for a quarter of an hour.
 *
 *  A code is 40 random bits. Neither the code nor its record (phase of the session, error code, minute) identifies
 *  the user. Codes are in this table and in the client's error text only. */
import { randomBytes } from 'node:crypto';
import type { AuthenticationErrorCode } from '../errors/authentication.ts';
import type { StreamErrorCode } from '../errors/stream.ts';
import type { TokenErrorCode } from '../errors/token.ts';
import type { Phase } from './phase.ts';

/** Codes of refusals: of stream errors and of SASL failures. */
export type RefusalCode = StreamErrorCode | TokenErrorCode | AuthenticationErrorCode;

/** The record of a refusal. */
export interface KeptRefusal {
  readonly phase: Phase;
  readonly code: RefusalCode;
  /** Start of the minute, in milliseconds since 1970. */
  readonly minute: number;
}

/** The result of a look-up. `too-many`: the rate of look-ups is exceeded. */
export type LookUp =
  { readonly kind: 'kept'; readonly refusal: KeptRefusal } | { readonly kind: 'unknown' | 'too-many' };

export interface SupportCodesOptions {
  /** Most refusals in memory; the oldest is forgotten first. */
  readonly refusalsMax: number;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
  /** Returns unpredictable bytes. */
  readonly random?: (bytes: number) => Uint8Array;
}

const minuteMs = 60_000;
/** Milliseconds for which a refusal is kept after the end of its minute, so that no other time is stored. */
const keptMs = 15 * minuteMs;

/** Most look-ups within one minute. With a full table of 10,000 codes, guessing at this rate succeeds once in three
 *  years. */
export const lookUpsPerMinuteMax = 60;

/** Digits and letters without ambiguous ones (Crockford's base 32): no I, L, O and U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeBytes = 5;

export class SupportCodes {
  readonly #options: Required<SupportCodesOptions>;
  /** Refusals by code, the oldest first. */
  readonly #kept = new Map<string, KeptRefusal>();
  #lookUps = { minute: 0, count: 0 };

  constructor({ random = randomBytes, ...options }: SupportCodesOptions) {
    this.#options = { ...options, random };
  }

  /** Records a refusal.
   *  @returns its code, such as `7K3M-Q9XW` */
  note(phase: Phase, code: RefusalCode): string {
    const { random, refusalsMax } = this.#options;
    const drawn = encode(random(codeBytes));
    // A code that is drawn twice identifies the newer refusal, and counts as new.
    this.#kept.delete(drawn);
    this.#kept.set(drawn, { phase, code, minute: this.#minute() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > refusalsMax) this.#kept.delete(oldest!);
    return `${drawn.slice(0, 4)}-${drawn.slice(4)}`;
  }

  /** Looks a code up, and counts the look-up.
   *  @param text a code in any case, with or without the hyphen */
  lookUp(text: string): LookUp {
    const minute = this.#minute();
    if (this.#lookUps.minute !== minute) this.#lookUps = { minute, count: 0 };
    this.#lookUps.count += 1;
    if (this.#lookUps.count > lookUpsPerMinuteMax) return { kind: 'too-many' };
    this.forgetOld();
    const refusal = this.#kept.get(normalise(text));
    return refusal === undefined ? { kind: 'unknown' } : { kind: 'kept', refusal };
  }

  /** Forgets refusals older than a quarter of an hour. Called each minute, so that they do not stay in memory. */
  forgetOld(): void {
    const now = this.#options.now();
    for (const [code, { minute }] of this.#kept) {
      if (now < minute + minuteMs + keptMs) break;
      this.#kept.delete(code);
    }
  }

  /** Number of refusals in memory. */
  get size(): number {
    return this.#kept.size;
  }

  #minute(): number {
    return Math.floor(this.#options.now() / minuteMs) * minuteMs;
  }
}

/** Returns five bytes as eight characters of five bits. */
function encode(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let shift = 35n; shift >= 0n; shift -= 5n) text += alphabet[Number((bits >> shift) & 31n)];
  return text;
}

/** Returns a code in capitals without hyphens, with ambiguous letters replaced by their digits. */
function normalise(text: string): string {
  return text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
}
