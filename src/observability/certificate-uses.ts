/** The use of a configured certificate; a label of `narthex_certificate_not_after_seconds`.
 *  - `listener`, `http`: shown to clients, on the XMPP and the HTTPS port.
 *  - `gatekeeper`, `provider`, `state`: shown by the proxy as a client (mutual TLS).
 *  - `push`, `media`: pinned, of a gatekeeper that calls the proxy; the one that ends first.
 *  - `references`: pinned, of the provider that calls the proxy. */
export const certificateUses = [
  'listener',
  'http',
  'gatekeeper',
  'provider',
  'state',
  'push',
  'media',
  'references',
] as const;
export type CertificateUse = (typeof certificateUses)[number];
