import type { TestProxyOptions } from '../support/proxy.ts';
import type { PeerServer } from './server.ts';

/** Returns the options of a proxy in front of a server: it presents the server's certificate and dials it with direct TLS. */
export function inFrontOf({ domain, ports, certificates }: PeerServer): TestProxyOptions {
  return {
    domain,
    gatekeeper: { port: ports.direct, tls: 'direct' },
    certificate: certificates.chain,
    key: certificates.key,
    ca: certificates.authority,
  };
}
