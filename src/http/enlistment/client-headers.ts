/** Headers of a client that the policy lets the gatekeeper see, written anew from this list. */
import type { OutboundHeaders } from '../headers.ts';
import type { HttpPolicy } from '../http-policy.ts';

/** Catalogue fields by the header that carries them (RFC 9110 §10.1, §12.5; RFC 6265; RFC 6454; RFC 7239). */
const fields = {
  'accept-language': 'http.accept-language',
  cookie: 'http.cookie',
  forwarded: 'http.forwarded',
  origin: 'http.origin',
  referer: 'http.referer',
  'user-agent': 'http.user-agent',
  'x-forwarded-for': 'http.forwarded',
} as const;

/** Form of a value that may be forwarded; others are withheld whatever the policy says. */
const valueForm = /^[\x20-\x7e]{1,1024}$/;

export function clientHeaders(headers: Headers, gatekeeper: string, policy: HttpPolicy): OutboundHeaders {
  const seen = Object.entries(fields).flatMap(([header, field]): [string, string][] => {
    const value = headers.get(header);
    if (value === null) return [];
    const left = policy.apply('gatekeeper', field, value, gatekeeper);
    return left !== undefined && valueForm.test(left) ? [[header, left]] : [];
  });
  return Object.fromEntries(seen);
}
