/** The public HTTP port and its services: enlistment, push, media, issuer metadata, discovery. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Config } from '../../config/schema.ts';
import { createHostMeta } from '../../http/discovery/host-meta.ts';
import { createPublicApp, type PublicParts } from '../../http/public.ts';
import { httpConnections } from '../../http/server/connections.ts';
import { LoopShare } from '../../http/server/loop-share.ts';
import type { ConnectionRefusal } from '../../observability/http-words.ts';
import type { StreamServer } from '../../session/stream-server.ts';
import type { Arrival } from '../../signals/connection-evidence.ts';
import { StreamError } from '../../stanza/error.ts';
import { Admission } from '../../transport/admission.ts';
import type { CertificateStore } from '../../transport/certificates.ts';
import { http1Protocols, httpProtocols } from '../../transport/secure-context.ts';
import { listen, type Listener, type ListenRefusal } from '../../transport/listen.ts';
import { secureClient, TlsHandshakeError } from '../../transport/server-tls.ts';
import type { ProxyObserver } from '../observer.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { openCertificates } from './certificates.ts';
import { openEnlistments } from './enlistments.ts';
import type { HttpPlane } from './http-plane.ts';
import { httpPolicy, type HttpPolicyOptions } from './http-policy.ts';
import { openIssuer } from './issuer.ts';
import { openMedia } from './media.ts';
import { openReferences } from './media-references.ts';
import type { Provider } from './provider.ts';
import { openPush } from './push.ts';
import type { Regions } from './regions.ts';
import type { Signals } from './signals.ts';
import { openWebSockets, webSocketUrlOf } from './websocket.ts';

type HttpSection = NonNullable<Config['http']>;
type HttpConfig = Pick<Config, 'provider' | 'gatekeepers' | 'timeouts' | 'domains'>;

export interface PublicHttp extends Part {
  /** The port in use. */
  readonly port: number;
}

export interface PublicHttpOptions extends Pick<
  HttpPlane,
  'limits' | 'overloaded' | 'state' | 'sharedPorts' | 'clock'
> {
  readonly provider: Provider | undefined;
  /** The certificates of the streams, for a section without its own. */
  readonly certificates: CertificateStore;
  readonly signals: Signals;
  readonly observer: ProxyObserver;
  readonly inForce: HttpPolicyOptions;
  /** Undefined without a table. */
  readonly regions: Regions | undefined;
  /** Sessions of clients over WebSocket. */
  readonly server: StreamServer;
  /** Bytes of the largest stanza of any session. */
  readonly messageBytesMax: number;
}

/** Opens the public port.
 *  @throws SetupError when a file does not load or the port cannot be opened */
export function openHttp(
  config: HttpConfig,
  section: HttpSection,
  options: PublicHttpOptions,
): Promise<PublicHttp> {
  const plane = planeOf(section, options);
  const { limits, observer, overloaded, clock, files } = plane;
  return assemble(async (parts) => {
    const certificates =
      section.certificates === undefined
        ? options.certificates
        : parts.track(
            await openCertificates('http.certificates', section.certificates, { report: files, clock }),
          );
    const websocketUrl = webSocketUrlOf(section);
    const upgrade = openWebSockets(config, section, plane, options, parts);
    const services = {
      ...(websocketUrl && { hostMeta: createHostMeta({ websocketUrl }) }),
      webSocket: upgrade !== undefined,
      ...(options.provider && (await openServices(config, options.provider, plane, parts))),
    };
    const app = createPublicApp({
      ...services,
      report: observer.report,
      limits,
      overloaded,
      now: clock.monotonic,
    });
    const share = new LoopShare(limits.loopPercentMax, clock.monotonic);
    const connections = httpConnections({
      app,
      limits,
      share,
      refused: ({ status, code }) =>
        observer.report({ event: 'answered', route: '*', status, milliseconds: 0, code }),
      violated: (code) => observer.report({ event: 'http2-refused', code }),
      upgrade,
      now: clock.monotonic,
    });
    const listener = await accept({ ...config, section }, certificates, plane, share, (socket) =>
      connections.accept(socket),
    );
    const drain = async (graceMs: number): Promise<void> => {
      await listener.stop();
      await connections.close(graceMs);
    };
    parts.track({ drain, close: () => drain(0) });
    return { port: listener.address.port };
  });
}

function planeOf(
  { publicUrl }: HttpSection,
  { limits, overloaded, state, sharedPorts, clock, signals, observer, inForce, regions }: PublicHttpOptions,
): HttpPlane {
  return {
    publicUrl,
    limits,
    overloaded,
    state,
    sharedPorts,
    clock,
    observer: observer.http,
    files: observer.certificates,
    policy: httpPolicy(inForce),
    signals: signals.http,
    regions,
    attestationKeys: () => signals.keys()?.jwks().keys ?? [],
  };
}

/** Opens the services that need a provider, each where its section is present. */
async function openServices(
  { provider: section, gatekeepers }: HttpConfig,
  provider: Provider,
  plane: HttpPlane,
  parts: Parts,
): Promise<Pick<PublicParts, 'push' | 'publishedPush' | 'media' | 'references' | 'enlistments' | 'issuer'>> {
  const push = section?.push && (await openPush(section.push, gatekeepers, provider, plane));
  if (push) parts.track(push);
  const media = section?.media && parts.track(await openMedia(section.media, gatekeepers, provider, plane));
  const references = section?.media && (await openReferences(section.media, gatekeepers, provider, plane));
  if (references) parts.track(references);
  const enlistment = await openEnlistments(gatekeepers, section!, provider, plane);
  if (enlistment) parts.track(enlistment);
  const { issuer } = parts.track(await openIssuer(section!, provider, plane));
  return {
    ...(push?.push && { push: push.push }),
    ...(push?.publishedPush && { publishedPush: push.publishedPush }),
    ...(media && { media }),
    ...(references && { references }),
    ...(enlistment && { enlistments: enlistment.enlistments }),
    issuer,
  };
}

function accept(
  config: HttpConfig & { readonly section: HttpSection },
  certificates: CertificateStore,
  { observer, signals, sharedPorts, clock }: HttpPlane,
  share: LoopShare,
  onSecured: (socket: TLSSocket) => void,
): Promise<Listener> {
  const { section, timeouts } = config;
  const { host, port, limits, http2 } = section;
  const secure = async (socket: Socket, arrival: Arrival): Promise<void> => {
    const evidence = signals.begin(arrival);
    try {
      const secured = await secureClient(socket, {
        certificates,
        handshakeTimeoutMs: timeouts.handshakeMs,
        protocols: http2 ? httpProtocols : http1Protocols,
        requestCertificate: pinsCertificates(config),
        schedule: (compute) => share.run(compute),
        now: clock.monotonic,
        onClientHello: evidence.wantsClientHello
          ? (progress) => evidence.noteClientHello(progress)
          : undefined,
      });
      const { handshakeMs: milliseconds, serverName, alpn, protocolVersion: version } = secured;
      evidence.noteHandshake({ milliseconds, serverName, alpn, version });
      signals.secured(secured.socket, evidence);
      onSecured(secured.socket);
    } catch (error) {
      observer.refused(refusalOf(error));
    }
  };
  return listen({
    target: { kind: 'address', host, port, sharedPort: sharedPorts },
    admission: new Admission({
      connectionsMax: limits.connectionsMax,
      connectionsPerAddressMax: limits.connectionsPerAddressMax || Number.MAX_SAFE_INTEGER,
    }),
    synCapture: signals.syn,
    balancers: signals.balancers,
    onConnection: (socket, arrival) => void secure(socket, arrival),
    onRefused: (code) => observer.refused(limitReasons[code]),
  });
}

const limitReasons: Readonly<Record<ListenRefusal, ConnectionRefusal>> = {
  ERR_CONNECTION_LIMIT: 'limit',
  ERR_ADDRESS_LIMIT: 'address-limit',
  ERR_PROXY_HEADER: 'proxy-header',
  ERR_PROXY_AUTHENTICATION: 'proxy-authentication',
};

function refusalOf(error: unknown): ConnectionRefusal {
  if (error instanceof TlsHandshakeError) return error.reason;
  return error instanceof StreamError && error.code === 'ERR_HANDSHAKE_TIMEOUT' ? 'timeout' : 'other';
}

/** Returns whether a client certificate must be requested: only where one is pinned, since browsers ask their user
 *  about each request. */
function pinsCertificates({ gatekeepers, provider }: HttpConfig): boolean {
  const isAsked = gatekeepers.some(({ push, media }) => (push?.certFile ?? media?.certFile) !== undefined);
  return isAsked || provider?.media?.references?.certFile !== undefined;
}
