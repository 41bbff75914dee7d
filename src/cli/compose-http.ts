/** The public HTTP plane as the configuration wants it: enlistment, push, media and issuer metadata on one port. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Config } from '../config/schema.ts';
import { createEnlistments, type EnlistmentGatekeeper, type Enlistments } from '../http/enlistments.ts';
import { createExchange } from '../http/exchange.ts';
import { createHostMeta } from '../http/host-meta.ts';
import { createIssuerMetadata } from '../http/issuer-metadata.ts';
import type { HttpLimits } from '../http/limits.ts';
import { createPublicApp, type PublicParts } from '../http/public.ts';
import { httpConnections } from '../http/serve.ts';
import type { Arrival } from '../signals/connection-evidence.ts';
import { Admission } from '../transport/admission.ts';
import { CertificateStore } from '../transport/certificates.ts';
import { listen, type Listener } from '../transport/listen.ts';
import { secureClient, type ServerTlsOptions } from '../transport/server-tls.ts';
import { UpstreamCredentials } from '../transport/upstream-credentials.ts';
import { openMedia } from './compose-media.ts';
import type { ProviderParts } from './compose-provider.ts';
import { openPush } from './compose-push.ts';
import {
  below,
  closeAll,
  kept,
  lookAll,
  limitsOf,
  monotonic,
  type Closable,
  type HttpOptions,
} from './http-parts.ts';

export interface PublicHttp {
  /** The port in use. */
  readonly port: number;
  /** Takes no new connections, lets requests finish for `graceMs`, then cuts the rest. */
  close(graceMs: number): Promise<void>;
  /** Reads every file again, now. */
  look(): Promise<void>;
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
    };
    const connections = httpConnections(createPublicApp(parts), limits, ({ status, code }) =>
      report({ event: 'answered', route: '*', status, milliseconds: 0, code }),
    );
    const tls = { certificates, asksForCertificate: asksForCertificate(config) };
    const listener = await accept(config, tls, options, (socket) => connections.accept(socket));
    return {
      port: listener.address.port,
      look: () => lookAll(open),
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
    } catch {
      observer.refused();
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
    onRefused: () => observer.refused(),
  });
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

async function openEnlistments(
  { gatekeepers }: Config,
  { ownership }: ProviderParts,
  { observer, certificateReport, policy, signals }: HttpOptions,
  limits: HttpLimits,
  open: Closable[],
): Promise<Enlistments | undefined> {
  const parties = new Map<string, EnlistmentGatekeeper>();
  for (const { name, enlistment, caFile, clientCertFile, clientKeyFile } of gatekeepers) {
    if (enlistment === undefined) continue;
    const authorities = enlistment.caFile ?? caFile;
    const credentials = kept(
      open,
      await UpstreamCredentials.open({
        name,
        ...(authorities !== undefined && { caFile: authorities }),
        ...(clientCertFile !== undefined &&
          clientKeyFile !== undefined && { client: { certFile: clientCertFile, keyFile: clientKeyFile } }),
        report: certificateReport,
      }),
    );
    const { exchange } = kept(open, createExchange({ secureContext: () => credentials.context() }));
    parties.set(name, {
      url: new URL(enlistment.url),
      exchange,
      answerMembers: enlistment.answerMembers,
    });
  }
  if (parties.size === 0) return undefined;
  return createEnlistments({
    gatekeepers: parties,
    ownership,
    attest: async (gatekeeper, client, upstream) => signals.attest(gatekeeper, client, upstream),
    policy,
    report: observer.report,
    now: () => Date.now(),
    limits,
  });
}

function openIssuer(
  { provider, http }: Config,
  { keys, credentials }: ProviderParts,
  { attestationKeys }: HttpOptions,
  limits: HttpLimits,
  open: Closable[],
): PublicParts['issuer'] {
  const { issuer, configurationUri } = provider!;
  const { exchange } = kept(open, createExchange({ secureContext: () => credentials.context() }));
  return createIssuerMetadata({
    issuer,
    configurationUrl: new URL(
      configurationUri ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    ),
    publicJwksUrl: below(http!.publicUrl, '.well-known/jwks.json'),
    providerKeys: keys,
    attestationKeys,
    exchange,
    now: monotonic,
    limits,
  });
}
