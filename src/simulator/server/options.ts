import { isIP } from 'node:net';
import type { KeySource } from '../../signals/jwks.ts';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import type { Verification } from '../../signals/verify.ts';
import { SimulatorError } from '../error.ts';
import { parseJid } from '../jid.ts';
import { iterationsMin } from '../sasl/scram.ts';
import { defaultReaderLimits, type ReaderLimits } from '../xml/reader.ts';
import type { BearerRules } from '../sasl/oauthbearer.ts';
import type { User } from './accounts.ts';
import type { OfflineRecord } from './offline.ts';

/** SASL mechanisms in the order in which they are advertised. `-PLUS` follows from `channelBinding`. */
type Mechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-1' | 'PLAIN';

/** Handling of a second session that requests a resource in use (RFC 6120 §7.7.2.2): give it another, refuse it, or
 *  end the first session with the stream error `conflict`. */
type ResourceConflict = 'rename' | 'refuse' | 'replace';

export interface ListenerOptions {
  /** `starttls`: TCP, upgraded in the stream. `direct`: TLS from the first byte (XEP-0368, ALPN `xmpp-client`). */
  readonly tls: 'starttls' | 'direct';
  /** An address of this machine. */
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** Whether a PROXY protocol header must come first, and is trusted. Default: false. */
  readonly proxyProtocol?: boolean;
}

export interface BoundListener extends ListenerOptions {
  /** The port in use. */
  readonly port: number;
}

/** One top-level event of one stream: its bytes on the wire, decoded as UTF-8. */
export interface StanzaRecord {
  readonly connectionId: number;
  /** Full JID once a resource is bound. */
  readonly jid: string | undefined;
  /** Direction from the gatekeeper's view. */
  readonly direction: 'received' | 'sent';
  readonly kind: 'stream-header' | 'stanza' | 'nonza' | 'stream-end';
  readonly xml: string;
}

/** A step in the life of a connection. */
export interface ConnectionRecord {
  readonly connectionId: number;
  readonly event: 'opened' | 'secured' | 'authenticated' | 'bound' | 'closed';
  readonly jid: string | undefined;
}

/** Rules for attestations of connection signals (docs/connection-signals.md). */
export interface ConnectionSignalsOptions {
  /** Public keys of the intermediary. */
  readonly keys: KeySource;
  /** The intermediary's name in `iss`. */
  readonly issuer: string;
  /** This gatekeeper's name in `aud`. Default: the domain. */
  readonly audience?: string;
  /** Type of the PROXY header's field that holds an attestation. Default `attestationTypeDefault`. */
  readonly attestationType?: number;
  /** Whether authentication requires an attestation. Default: false. */
  readonly required?: boolean;
  /** Returns milliseconds since 1970. Default: `Date.now`. */
  readonly clock?: () => number;
}

/** The result of an attestation; `ERR_ATTESTATION_MISSING` when one was required and none came. */
export interface AttestationRecord {
  readonly connectionId: number;
  readonly carrier: 'stream' | 'proxy-protocol';
  readonly verification: Verification;
}

/** The header that a listener with `proxyProtocol` received. */
export interface ProxyHeaderRecord {
  readonly connectionId: number;
  readonly header: ProxyHeader;
}

interface GatekeeperLimits extends ReaderLimits {
  /** `stanzaBytesMax` before authentication, in bytes. */
  readonly preAuthStanzaBytesMax: number;
  /** Connections per listener. */
  readonly connectionsMax: number;
  /** Bytes queued for a client that does not read. Above it, its connection ends. */
  readonly queuedBytesMax: number;
  /** Milliseconds from accepting a connection to a bound resource. */
  readonly negotiationTimeoutMs: number;
  /** Milliseconds for which a closed stream waits for the peer's closing tag. */
  readonly closeTimeoutMs: number;
  /** Failed logins per connection. */
  readonly authenticationAttemptsMax: number;
  /** Resources bound at once per account. */
  readonly resourcesMax: number;
  /** Messages stored for one offline user. 0 stores none, and their senders get an error. */
  readonly offlineMessagesMax: number;
}

export interface GatekeeperOptions {
  /** The XMPP domain served. */
  readonly domain: string;
  readonly users: readonly User[];
  /** PEM. A chain may follow the certificate. */
  readonly certificate: { readonly certificate: string; readonly key: string };
  readonly listeners: readonly ListenerOptions[];
  /** Default: all. */
  readonly mechanisms?: readonly Mechanism[];
  /** Whether to offer SCRAM-SHA-256-PLUS with `tls-exporter` (RFC 9266, XEP-0440). A client that then claims to have
   *  seen no such offer is refused (RFC 5802 §6). Default: false. */
  readonly channelBinding?: boolean;
  /** Rules for tokens; with them OAUTHBEARER is offered first. Default: not offered. */
  readonly bearer?: BearerRules;
  /** Default: `rename`. */
  readonly resourceConflict?: ResourceConflict;
  /** PBKDF2 rounds. Default: 4,096, the minimum of RFC 7677. The passwords protect nothing, and @xmpp/client takes
   *  seconds for 10,000, longer than it waits. */
  readonly scramIterations?: number;
  /** Attestations are requested in the stream features, and read from PROXY headers. Default: neither. */
  readonly connectionSignals?: ConnectionSignalsOptions;
  /** PEM of the authorities of client certificates, which are then requested: the intermediary shows one. */
  readonly clientAuthorities?: string;
  readonly limits?: Partial<GatekeeperLimits>;
  readonly onOffline?: (record: OfflineRecord) => void;
  readonly onAttestation?: (record: AttestationRecord) => void;
  readonly onProxyHeader?: (record: ProxyHeaderRecord) => void;
  readonly onStanza?: (record: StanzaRecord) => void;
  readonly onConnection?: (record: ConnectionRecord) => void;
}

type Optional = 'limits' | 'bearer' | 'connectionSignals' | 'clientAuthorities';

export type Settings = Required<Omit<GatekeeperOptions, Optional>> &
  Pick<GatekeeperOptions, Exclude<Optional, 'limits'>> & { readonly limits: GatekeeperLimits };

const defaultGatekeeperLimits: GatekeeperLimits = {
  ...defaultReaderLimits,
  preAuthStanzaBytesMax: 10_000,
  connectionsMax: 1_000,
  queuedBytesMax: 4 * 1024 * 1024,
  negotiationTimeoutMs: 30_000,
  closeTimeoutMs: 2_000,
  authenticationAttemptsMax: 3,
  resourcesMax: 10,
  offlineMessagesMax: 0,
};

/** Returns options with every default filled in.
 *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` */
export function completeOptions(options: GatekeeperOptions): Settings {
  const domain = parseJid(options.domain);
  if (domain === undefined || domain.local !== '' || domain.resource !== '')
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'domain is no domain name');
  if (options.listeners.length === 0)
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'at least one listener is needed');
  if (options.listeners.some(({ host }) => host !== 'localhost' && isIP(host) === 0))
    throw new SimulatorError(
      'ERR_SIMULATOR_OPTIONS',
      'a listener needs an IP address or localhost as its host',
    );
  const scramIterations = options.scramIterations ?? iterationsMin;
  if (scramIterations < iterationsMin)
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', `scramIterations is below ${iterationsMin}`);
  return {
    mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'],
    channelBinding: false,
    resourceConflict: 'rename',
    onOffline: () => {},
    onStanza: () => {},
    onConnection: () => {},
    onAttestation: () => {},
    onProxyHeader: () => {},
    ...options,
    domain: domain.domain,
    scramIterations,
    limits: { ...defaultGatekeeperLimits, ...options.limits },
  };
}
