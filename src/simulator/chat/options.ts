/** Options of the simulated gatekeeper's chat server, and the records that it gives. */
import { isIP } from 'node:net';
import type { KeySource } from '../../signals/jwks.ts';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import type { Verification } from '../../signals/verify.ts';
import { SimulatorError } from '../error.ts';
import type { OwnershipCheck, TokenCheck } from '../token/ownership-check.ts';
import { ChatAuthority } from './authority.ts';
import { defaultConnectionLimits, type ChatConnectionLimits } from './connection.ts';
import type { ChatFaults, TransportLimits } from './faults.ts';
import { defaultNodeForm, type ChatNode, type NodeForm } from './node.ts';
import { newServerKey, type ServerKey } from './noise.ts';
import type { LoginRequest } from './payload.ts';
import type { ChatUser, ChatUsers } from './users.ts';

export interface ChatListenerOptions {
  /** An address of this machine. */
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** Whether a PROXY protocol header must come first, may, or may not. Default: `never`. */
  readonly proxyProtocol?: 'required' | 'optional' | 'never';
}

export interface BoundChatListener extends ChatListenerOptions {
  /** The port in use. */
  readonly port: number;
}

/** Rules for attestations of connection signals (docs/connection-signals.md). */
export interface ChatSignalsOptions {
  /** Public keys of the intermediary. */
  readonly keys: KeySource;
  /** The intermediary's name in `iss`. */
  readonly issuer: string;
  /** This gatekeeper's name in `aud`. */
  readonly audience: string;
  /** Type of the PROXY header's field that holds an attestation. Default: `attestationTypeDefault`. */
  readonly attestationType?: number;
  /** Whether a login of a third party requires one. Default: false. */
  readonly required?: boolean;
}

/** A step in the life of a connection. */
export interface ChatConnectionRecord {
  readonly connectionId: number;
  readonly event: 'opened' | 'logged-in' | 'refused' | 'closed';
  /** Address with the device, once the client is logged in. */
  readonly address: string | undefined;
}

/** A node of one connection. */
export interface ChatNodeRecord {
  readonly connectionId: number;
  readonly address: string | undefined;
  /** Direction from the gatekeeper's view. */
  readonly direction: 'received' | 'sent';
  readonly node: ChatNode;
}

/** A login and its result. */
export interface ChatLoginRecord {
  readonly connectionId: number;
  readonly request: LoginRequest;
  /** ClientPayload as received. */
  readonly payload: Buffer;
  /** The client's static key, 32 bytes. */
  readonly staticKey: Buffer;
  /** The ownership token's check; undefined without a token. */
  readonly token: TokenCheck | undefined;
  /** Address with the device; undefined for a refused login. */
  readonly address: string | undefined;
  /** The reason in `failure`; undefined for an accepted login. */
  readonly reason: number | undefined;
}

export interface ChatAttestationRecord {
  readonly connectionId: number;
  readonly verification: Verification;
}

export interface ChatProxyHeaderRecord {
  readonly connectionId: number;
  readonly header: ProxyHeader;
}

/** A stanza waits for a device that is offline. */
export interface ChatStoredRecord {
  readonly recipient: ChatUser;
  /** Address of the sender. */
  readonly sender: string;
  readonly node: ChatNode;
  /** Number of stanzas that wait for the device now. */
  readonly count: number;
}

export interface ChatGatekeeperLimits extends ChatConnectionLimits, TransportLimits {
  /** Connections per listener. */
  readonly connectionsMax: number;
  /** Milliseconds from accepting a connection to the end of its login. */
  readonly loginTimeoutMs: number;
  /** Stanzas that wait for one device. */
  readonly mailboxStanzasMax: number;
}

export interface ChatGatekeeperOptions {
  readonly listeners: readonly ChatListenerOptions[];
  readonly users: ChatUsers;
  /** Checks the tokens of third parties' users. */
  readonly ownership: OwnershipCheck;
  /** Default: one that is made here. */
  readonly authority?: ChatAuthority;
  readonly serverKey?: ServerKey;
  /** Attestations are read from PROXY headers. Default: they are not. */
  readonly signals?: ChatSignalsOptions;
  /** Oldest version of an app that may log in. Default: any. */
  readonly appVersionMin?: readonly number[];
  /** Refuses a user whose login is valid: attributes of `failure`, of which `reason` is one; undefined accepts. */
  readonly refuse?: (user: ChatUser) => Readonly<Record<string, string>> | undefined;
  /** Milliseconds after which a stanza that is still owed an acknowledgement ends the connection with a
   *  `stream:error` that names it; 0 for never. Default: 0. */
  readonly ackTimeoutMs?: number;
  /** Milliseconds between two pings of the gatekeeper; 0 for none. Default: 0. */
  readonly pingEveryMs?: number;
  readonly limits?: Partial<ChatGatekeeperLimits>;
  readonly form?: Partial<NodeForm>;
  /** Returns the faults of a connection, for tests of its peer. */
  readonly faults?: (connectionId: number) => ChatFaults;
  /** Returns milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
  readonly onConnection?: (record: ChatConnectionRecord) => void;
  readonly onProxyHeader?: (record: ChatProxyHeaderRecord) => void;
  readonly onAttestation?: (record: ChatAttestationRecord) => void;
  readonly onLogin?: (record: ChatLoginRecord) => void;
  readonly onNode?: (record: ChatNodeRecord) => void;
  readonly onStored?: (record: ChatStoredRecord) => void;
}

type Optional = 'signals' | 'limits' | 'form';

export type ChatSettings = Required<Omit<ChatGatekeeperOptions, Optional>> &
  Pick<ChatGatekeeperOptions, 'signals'> & {
    readonly limits: ChatGatekeeperLimits;
    readonly form: NodeForm;
  };

const defaultLimits: ChatGatekeeperLimits = {
  ...defaultConnectionLimits,
  connectionsMax: 1_000,
  queuedBytesMax: 16 * 1024 * 1024,
  loginTimeoutMs: 20_000,
  closeTimeoutMs: 2_000,
  mailboxStanzasMax: 10_000,
};

/** Returns options with every default filled in.
 *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` */
export function completeChatOptions(options: ChatGatekeeperOptions): ChatSettings {
  if (options.listeners.some(({ host }) => host !== 'localhost' && isIP(host) === 0))
    throw new SimulatorError(
      'ERR_SIMULATOR_OPTIONS',
      'a listener needs an IP address or localhost as its host',
    );
  return {
    authority: new ChatAuthority(),
    serverKey: newServerKey(),
    appVersionMin: [],
    refuse: () => undefined,
    ackTimeoutMs: 0,
    pingEveryMs: 0,
    faults: () => ({}),
    now: Date.now,
    onConnection: () => {},
    onProxyHeader: () => {},
    onAttestation: () => {},
    onLogin: () => {},
    onNode: () => {},
    onStored: () => {},
    ...options,
    limits: { ...defaultLimits, ...options.limits },
    form: { ...defaultNodeForm, ...options.form },
  };
}
