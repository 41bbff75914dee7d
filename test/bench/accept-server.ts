/** A process of accept.ts: one way of taking TLS from clients. Benches of later revisions start it too, so what it is
 *  asked and answers keeps its form. */
import { Enforcement } from '../../src/policy/enforcement.ts';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { openPolicyRuntime } from '../../src/app/parts/policies.ts';
import { configSchema } from '../../src/config/schema.ts';
import { GatekeeperAttestations } from '../../src/session/signals/attestations.ts';
import { ConnectionEvidence } from '../../src/signals/connection-evidence.ts';
import { readSigningKeys } from '../../src/signals/keys.ts';
import { loadSynCapture } from '../../src/signals/saved-syn.ts';
import { Admission } from '../../src/transport/admission.ts';
import { listen, type ListenOptions } from '../../src/transport/listen.ts';
import { serverContext, serverSettings } from '../../src/transport/secure-context.ts';
import { secureClient } from '../../src/transport/server-tls.ts';
import { signingKeyFolder } from '../support/signing-keys.ts';

export interface AcceptRequest {
  /** `settings` is plain Node with the TLS settings that the proxy's own certificates get. `syn` and `hello` capture one
   *  signal and attest nothing. */
  readonly kind: 'plain' | 'settings' | 'listener' | 'syn' | 'hello' | 'signals';
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const done = (socket: Socket): void =>
  void socket
    .on('error', () => {})
    .on('end', () => socket.end())
    .resume();

async function startPlain({ kind, cert, key }: AcceptRequest): Promise<number> {
  const settings = kind === 'settings' ? serverSettings({}) : {};
  const server = createServer(
    { cert, key, ...settings, ALPNProtocols: ['xmpp-client'], noDelay: true },
    done,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Called for a client whose TLS is up. */
type Secured = (evidence: ConnectionEvidence) => void;

async function startListener(
  { cert, key, kind }: AcceptRequest,
  synCapture: ListenOptions['synCapture'],
  secured: Secured,
): Promise<number> {
  const context = serverContext({ cert, key }, {}, { role: 'certificate', path: 'the benchmark' });
  const certificates = { contextFor: () => context };
  const syn = synCapture !== undefined;
  const clientHello = kind === 'hello' || kind === 'signals';
  const switches = { syn, clientHello, roundTrip: syn };
  const listener = await listen({
    target: { kind: 'address', host: '127.0.0.1', port: 0 },
    admission: new Admission({ connectionsMax: 10_000, connectionsPerAddressMax: 10_000 }),
    synCapture,
    onRefused: () => {},
    onConnection: (socket, arrival) => {
      const evidence = new ConnectionEvidence(arrival, switches);
      const taken = secureClient(socket, {
        certificates,
        handshakeTimeoutMs: 10_000,
        onClientHello: clientHello ? (progress) => evidence.noteClientHello(progress) : undefined,
      });
      void follow(taken, evidence, secured);
    },
  });
  return listener.address.port;
}

async function follow(
  taken: ReturnType<typeof secureClient>,
  evidence: ConnectionEvidence,
  secured: Secured,
): Promise<void> {
  const { socket, handshakeMs: milliseconds, serverName, alpn, protocolVersion: version } = await taken;
  evidence.noteHandshake({ milliseconds, serverName, alpn, version });
  secured(evidence);
  done(socket);
}

/** A connection to bind attestations to: in the proxy each session has its own, which is no part of the accept. */
async function upstream(request: AcceptRequest): Promise<TLSSocket> {
  const port = await startPlain(request);
  const socket = connect({ port, host: '127.0.0.1', ca: request.ca, servername: 'im.example' });
  await once(socket, 'secureConnect');
  return socket;
}

async function attestations(): Promise<GatekeeperAttestations> {
  const folder = await signingKeyFolder();
  const keys = await readSigningKeys(folder.folder);
  await folder.close();
  const policies = openPolicyRuntime({
    config: configSchema.shape.policy.parse({ file: 'balanced' }),
    report: () => {},
    clock: () => Date.now(),
  });
  return new GatekeeperAttestations({
    gatekeeper: 'main',
    issuer: 'proxy.example',
    audience: 'gatekeeper.example',
    carriers: { stream: true, proxyProtocol: undefined, http: false },
    required: true,
    keys: () => keys,
    enforcement: new Enforcement({ policies: () => policies.current, decided: () => {} }),
    policyDigest: () => policies.scopeOf('main').digest,
    attested: () => {},
    clock: () => Date.now(),
  });
}

async function start(request: AcceptRequest): Promise<number> {
  switch (request.kind) {
    case 'plain':
    case 'settings':
      return startPlain(request);
    case 'listener':
    case 'hello':
      return startListener(request, undefined, () => {});
    case 'syn':
      return startListener(request, await loadSynCapture(), () => {});
    case 'signals': {
      const [made, socket] = [await attestations(), await upstream(request)];
      return startListener(request, await loadSynCapture(), (evidence) => {
        if (made.nonza(evidence, socket, true) === undefined) throw new Error('nothing was attested');
      });
    }
  }
}

process.on('message', (message: AcceptRequest) => void start(message).then((port) => process.send!(port)));
process.once('disconnect', () => process.exit());
