/** Dials the gatekeepers of a configuration as sessions would, and returns the outcome of each (`narthex check
 *  --connect`). */
import type { TLSSocket } from 'node:tls';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import type { DialCause } from '../../errors/causes.ts';
import type { StreamErrorCode } from '../../errors/stream.ts';
import { connectGatekeeper, connectWebSocket } from '../../session/gatekeeper-route.ts';
import { probeChannel } from '../../session/chat/probe.ts';
import { localProxyHeader } from '../../signals/proxy-protocol-header.ts';
import { createVocabulary } from '../../stanza/vocabulary.ts';
import { dialTcp } from '../../transport/dial.ts';
import { awaitFeatures } from '../../transport/features.ts';
import type { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import { GatekeeperError } from '../../transport/gatekeeper-error.ts';
import { systemResolver } from '../../transport/srv.ts';
import { TlsModeProbe } from '../../transport/tls-mode.ts';
import type { Clock } from '../clock.ts';
import { Parts } from '../part.ts';
import { openCredentials } from '../parts/credentials.ts';
import { chatConfigOf } from '../parts/chat-gatekeepers.ts';
import { targetOf } from '../parts/gatekeepers.ts';
import { createScanning, type Scanning } from '../parts/scanning.ts';

/** The outcome of dialling a gatekeeper for one of its domains. */
export type Reach = {
  readonly gatekeeper: string;
  readonly domain: string;
  /** Milliseconds from the first look-up to the features of the stream. */
  readonly milliseconds: number;
} & (
  | {
      readonly kind: 'reached';
      /** The version of TLS, or `Noise` on the chat channel. */
      readonly tlsVersion: string;
      /** End of its certificate's validity in ISO 8601. */
      readonly notAfter: string;
    }
  | { readonly kind: 'failed'; readonly code: StreamErrorCode; readonly cause: DialCause }
);

/** Most gatekeepers that are dialled at once. */
const dialsMax = 16;

/** Dials each gatekeeper once for each domain that it serves. The connection with TLS may take `timeouts.dialMs`; so
 *  may a negotiation of STARTTLS after it, and the features after that.
 *  @returns one outcome per domain, in the order of the configuration
 *  @throws SetupError when a file of a gatekeeper does not load */
export async function reachGatekeepers(config: Config, clock: Clock): Promise<readonly Reach[]> {
  const parts = new Parts();
  try {
    const dialled = new Map<string, Dialling>();
    for (const gatekeeper of config.gatekeepers) {
      const { name } = gatekeeper;
      const credentials = parts.track(await openCredentials(name, gatekeeper, () => {}));
      dialled.set(name, { gatekeeper, credentials });
    }
    const context = {
      scanning: createScanning(config, createVocabulary()),
      tlsMode: new TlsModeProbe(),
      dialTimeoutMs: config.timeouts.dialMs,
      clock,
    };
    const found: Reach[] = [];
    const waiting = [...config.domains.entries()];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, { domain, gatekeeper }] = next;
        found[index] = await reach(domain, dialled.get(gatekeeper)!, context);
      }
    };
    await Promise.all(Array.from({ length: dialsMax }, work));
    return found;
  } finally {
    await parts.close();
  }
}

interface Dialling {
  readonly gatekeeper: GatekeeperConfig;
  readonly credentials: OutboundCredentials;
}

interface DialContext {
  readonly scanning: Scanning;
  readonly tlsMode: TlsModeProbe;
  readonly dialTimeoutMs: number;
  readonly clock: Clock;
}

/** The certificate of a gatekeeper that was reached. */
type Shown = Pick<Extract<Reach, { kind: 'reached' }>, 'tlsVersion' | 'notAfter'>;

async function reach(domain: string, dialling: Dialling, context: DialContext): Promise<Reach> {
  const { gatekeeper } = dialling;
  const { clock } = context;
  const started = clock.monotonic();
  const about = (): Pick<Reach, 'gatekeeper' | 'domain' | 'milliseconds'> => ({
    gatekeeper: gatekeeper.name,
    domain,
    milliseconds: Math.round(clock.monotonic() - started),
  });
  const takesHeader = gatekeeper.attestation?.carriers.proxyProtocol !== undefined;
  const preface = takesHeader ? localProxyHeader : undefined;
  try {
    const shown =
      gatekeeper.protocol === 'chat-channel'
        ? await reachChat(gatekeeper, preface, context)
        : await reachXmpp(domain, dialling, preface, context);
    return { ...about(), kind: 'reached', ...shown };
  } catch (error) {
    if (!(error instanceof GatekeeperError)) throw error;
    return { ...about(), kind: 'failed', code: error.code, cause: error.dialCause };
  }
}

/** @throws GatekeeperError */
async function reachXmpp(
  domain: string,
  dialling: Dialling,
  preface: Uint8Array | undefined,
  context: DialContext,
): Promise<Shown> {
  const socket = await connect(domain, dialling, preface, context);
  try {
    const notAfter = socket.getPeerX509Certificate()!.validToDate.toISOString();
    return { tlsVersion: socket.getProtocol() ?? '', notAfter };
  } finally {
    socket.destroy();
  }
}

/** Returns a connection on which the stream has its features; over WebSocket, its accepted subprotocol.
 *  @throws GatekeeperError */
async function connect(
  domain: string,
  { gatekeeper, credentials }: Dialling,
  preface: Uint8Array | undefined,
  { scanning, tlsMode, dialTimeoutMs }: DialContext,
): Promise<TLSSocket> {
  const { names, workspace } = scanning;
  const target = targetOf(gatekeeper);
  const { signal } = new AbortController();
  const common = { credentials, resolver: systemResolver(), dialTimeoutMs };
  if (target.kind === 'websocket') {
    const webSocket = await connectWebSocket(
      target,
      { ...common, webSockets: scanning },
      { signal, preface },
    );
    return webSocket.socket as TLSSocket;
  }
  const socket = await connectGatekeeper(
    { ...common, target, names, workspace, tlsMode },
    { domain, signal, preface },
  );
  try {
    await awaitFeatures(socket, { domain, names, workspace, negotiationTimeoutMs: dialTimeoutMs });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** @throws GatekeeperError */
async function reachChat(
  gatekeeper: GatekeeperConfig,
  preface: Uint8Array | undefined,
  { dialTimeoutMs, clock }: DialContext,
): Promise<Shown> {
  const { address, chat } = chatConfigOf(gatekeeper);
  const socket = await dialTcp(address, { resolver: systemResolver(), preface, dialTimeoutMs });
  const validUntil = await probeChannel(socket, {
    root: { key: Buffer.from(chat.rootKey, 'hex'), serial: chat.rootSerial },
    now: clock.wall,
    handshakeBytesMax: chat.limits.handshakeBytesMax,
    timeoutMs: dialTimeoutMs,
  });
  return { tlsVersion: 'Noise', notAfter: isoTime(validUntil) };
}

/** The latest time that JavaScript can represent, in milliseconds since 1970. A certificate may be valid for longer. */
const timeMax = 8.64e15;

function isoTime(milliseconds: number): string {
  return new Date(Math.min(milliseconds, timeMax)).toISOString();
}
