/** The phases of a session, each with the event that it waits for.
 *
 *  - `securing`: the client's TLS.
 *  - `routing`: the client's stream header, which names the domain.
 *  - `dialling`: the gatekeeper's connection.
 *  - `authenticating`: SASL success.
 *  - `restarting`: the new stream headers after SASL 1 (RFC 6120 §6.4.6).
 *  - `established`: nothing; stanzas are relayed.
 *  - `closing`: the end of both connections. */
export type Phase =
  'securing' | 'routing' | 'dialling' | 'authenticating' | 'restarting' | 'established' | 'closing';
