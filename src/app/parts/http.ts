/** The public HTTP plane as the configuration wants it: enlistment, push, media and issuer metadata on one port. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Config } from '../../config/schema.ts';
import { createHostMeta } from '../../http/discovery/host-meta.ts';
import { createPublicApp, type PublicParts } from '../../http/public.ts';
import { httpConnections } from '../../http/server/serve.ts';
import type { ConnectionRefusal } from '../../observability/http-words.ts';
import type { Arrival } from '../../signals/connection-evidence.ts';
import { StreamError } from '../../stanza/error.ts';
import { Admission } from '../../transport/admission.ts';
import { CertificateStore } from '../../transport/certificates.ts';
import { listen, type Listener, type ListenRefusal } from '../../transport/listen.ts';
import { secureClient, TlsHandshakeError, type ServerTlsOptions } from '../../transport/server-tls.ts';
import { openEnlistments } from './enlistments.ts';
import { openIssuer } from './issuer.ts';
import { openMedia } from './media.ts';
import type { ProviderParts } from './provider.ts';
import { openPush } from './push.ts';
import { closeAll, kept, limitsOf, refreshAll, type Closable, type HttpOptions } from '../part.ts';

export interface PublicHttp {
  /** The port in use. */
  readonly port: number;
  /** Takes no new connections, lets requests finish for `graceMs`, then cuts the rest. */
  close(graceMs: number): Promise<void>;
  /** Reads every file again, now. */
  refresh(): Promise<void>;
}

/** Opens the public port.
 *  @throws SetupError when a file does not load or the port cannot be had. */
export async function openHttp(
  config: Config,
  provider: ProviderParts | undefined,
  options: HttpOptions,
): Promise<PublicHttp | undefined> {
  const { http } = config;
  if (http === undefined) return undefined;
  const { report } = options.observer;
  const limits = limitsOf(config);
  const open: Closable[] = [];
  try {
    const certificates =
      http.certificates === undefined
        ? options.certificates
        : kept(open, await ownCertificates(http.certificates, options));
    const push = await openPush(config, provider, options, limits);
    if (push !== undefined) open.push(push);
    const media = await openMedia(config, provider, options, limits);
    if (media !== undefined) open.push(media);
    const enlistments = provider && (await openEnlistments(config, provider, options, limits, open));
    const issuer = provider && openIssuer(config, provider, options, limits, open);
    const parts: PublicParts = {
      ...(issuer && { issuer }),
      ...(http.websocketUrl !== undefined && {
        hostMeta: createHostMeta({ websocketUrl: new URL(http.websocketUrl) }),
      }),
      ...(enlistments && { enlistments }),
      ...(push && { push: push.handle }),
      ...(media && { media }),
      report,
      limits,
      overloaded: options.overloaded,
    };
    const connections = httpConnections(createPublicApp(parts), limits, ({ status, code }) =>
      report({ event: 'answered', route: '*', status, milliseconds: 0, code }),
    );
    const tls = { certificates, asksForCertificate: asksForCertificate(config) };
    const listener = await accept(config, tls, options, (socket) => connections.accept(socket));
    return {
      port: listener.address.port,
      refresh: () => refreshAll(open),
      async close(graceMs) {
        await listener.stop();
        await connections.close(graceMs);
        closeAll(open);
      },
    };
  } catch (error) {
    closeAll(open);
    throw error;
  }
}

function accept(
  config: Config,
  {
    certificates,
    asksForCertificate,
  }: { certificates: ServerTlsOptions['certificates']; asksForCertificate: boolean },
  { observer, signals }: HttpOptions,
  onSecured: (socket: TLSSocket) => void,
): Promise<Listener> {
  const { host, port, limits } = config.http!;
  const secure = async (socket: Socket, arrival: Arrival): Promise<void> => {
    const evidence = signals.begin(arrival);
    try {
      const secured = await secureClient(socket, {
        certificates,
        handshakeTimeoutMs: config.timeouts.handshakeMs,
        protocol: 'http/1.1',
        requestCertificate: asksForCertificate,
        onClientHello: evidence.wantsClientHello
          ? (progress) => evidence.noteClientHello(progress)
          : undefined,
      });
      const { handshakeMs: milliseconds, serverName, alpn, protocolVersion: version } = secured;
      evidence.noteHandshake({ milliseconds, serverName, alpn, version });
      signals.secured(secured.socket, evidence);
      onSecured(secured.socket);
    } catch (error) {
      observer.refused(whyRefused(error));
    }
  };
  return listen({
    target: { kind: 'address', host, port },
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
};

function whyRefused(error: unknown): ConnectionRefusal {
  if (error instanceof TlsHandshakeError) return error.reason;
  return error instanceof StreamError && error.code === 'ERR_HANDSHAKE_TIMEOUT' ? 'timeout' : 'other';
}

/** Browsers ask their user when a server wants a certificate, so it is only wanted where one is pinned. */
function asksForCertificate({ gatekeepers }: Config): boolean {
  return gatekeepers.some(({ push, media }) => (push?.certFile ?? media?.certFile) !== undefined);
}

async function ownCertificates(
  certificates: NonNullable<NonNullable<Config['http']>['certificates']>,
  { certificateReport: report }: HttpOptions,
): Promise<CertificateStore> {
  const [first, ...rest] = certificates.map(({ certFile, keyFile, domains }, index) => ({
    name: `http.certificates[${index}]`,
    certFile,
    keyFile,
    ...(domains && { domains: [...domains] }),
  }));
  return CertificateStore.open({ certificates: [first!, ...rest], report });
}
