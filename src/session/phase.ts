/** How far a session has come. Each phase names what it waits for.
 *
 *  - `securing`: the client's TLS.
 *  - `routing`: the client's stream header, which names the domain.
 *  - `dialling`: the gatekeeper's stream and features.
 *  - `authenticating`: SASL success; what passes is the client's and the gatekeeper's secret.
 *  - `restarting`: the new stream headers that SASL 1 asks for (RFC 6120 §6.4.6).
 *  - `established`: nothing; stanzas flow.
 *  - `closing`: both ends to be gone. */
export type Phase =
  'securing' | 'routing' | 'dialling' | 'authenticating' | 'restarting' | 'established' | 'closing';
