import type { Account } from '../server/accounts.ts';

/** SASL failure conditions that the gatekeeper sends (RFC 6120 §6.5). */
export type SaslCondition =
  | 'aborted'
  | 'encryption-required'
  | 'incorrect-encoding'
  | 'invalid-authzid'
  | 'invalid-mechanism'
  | 'malformed-request'
  | 'not-authorized';

/** A mechanism's answer to the client's last message. */
export type SaslStep =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | { readonly kind: 'success'; readonly account: Account; readonly data?: Buffer }
  | { readonly kind: 'failure'; readonly condition: SaslCondition; readonly text?: string };

/** One exchange of one mechanism, on the server. */
export interface SaslExchange {
  step(message: Buffer): SaslStep | Promise<SaslStep>;
}

/** A mechanism that decides at once, without another party. */
export interface ImmediateExchange extends SaslExchange {
  step(message: Buffer): SaslStep;
}

export function failure(condition: SaslCondition, text?: string): SaslStep {
  return { kind: 'failure', condition, ...(text === undefined ? {} : { text }) };
}

/** Decodes the client's text; undefined when it is not UTF-8. */
export function decodeUtf8(message: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message);
  } catch {
    return undefined;
  }
}
