import { startTestProxy } from '../support/proxy.ts';
import type { EndpointFactory } from './endpoint.ts';
import { interop } from './matrix.ts';

for (const tls of ['starttls', 'direct'] as const) {
  const throughProxy: EndpointFactory = (server) =>
    startTestProxy({
      domain: server.domain,
      gatekeeper: { port: server.ports[tls], tls },
      certificate: server.certificates.chain,
      key: server.certificates.key,
      ca: server.certificates.authority,
      // What ships as the default must not break what real clients do here.
      policy: 'balanced',
    });
  interop(`through the proxy, ${tls} to the server`, throughProxy);
}
