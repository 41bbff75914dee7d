/** Makes the attestations for one gatekeeper, in each of their carriers. */
import { isIP, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { CompiledPolicy } from '../../policy/compile.ts';
import type { Enforcement } from '../../policy/enforcement.ts';
import { attest, type AttestationBinding } from '../../signals/attestation.ts';
import { signalClaims } from '../../signals/claims.ts';
import type { ConnectionEvidence } from '../../signals/connection-evidence.ts';
import { KeyError, type SigningKeys } from '../../signals/keys.ts';
import { signalsNonza } from '../../signals/nonza.ts';
import { packAttestation } from '../../signals/packed-attestation.ts';
import {
  proxyHeader,
  type ProxyHeaderAnswer,
  type ProxyHeaderInput,
  type ProxyProfile,
} from '../../signals/proxy-protocol-header.ts';
import type { Endpoint } from '../../signals/proxy-protocol.ts';
import { RandomPool } from '../../signals/random-pool.ts';
import type { StreamErrorCode } from '../../errors/stream.ts';
import { StreamError } from '../../stanza/error.ts';
import { ownBytes } from '../../stanza/own-bytes.ts';
import type { RegionOf } from '../region.ts';
import {
  everySignal,
  signalRules,
  signalsUnder,
  type SignalRules,
  type SignalStatement,
} from './signal-policy.ts';

export type AttestationCarrier = 'stream' | 'proxy-protocol' | 'http';

/** Why an attestation was sent or not.
 *  - `sent`: it was written.
 *  - `not-offered`: the gatekeeper does not ask for it.
 *  - `tls-version`: only TLS 1.3 can bind it.
 *  - `no-certificate`: there is no client certificate to bind it to.
 *  - `no-key`: no signing key is usable yet.
 *  - `too-large`: the PROXY header would exceed its limit. */
export type AttestationOutcome =
  'sent' | 'not-offered' | 'tls-version' | 'no-certificate' | 'no-key' | 'too-large';

export interface CarrierOptions {
  readonly stream: boolean;
  readonly proxyProtocol:
    | { readonly profile: ProxyProfile; readonly headerBytesMax: number; readonly attestationType: number }
    | undefined;
  readonly http: boolean;
}

export interface GatekeeperAttestationsOptions {
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  /** The proxy's name in `iss`. */
  readonly issuer: string;
  /** The gatekeeper's name in `aud`. */
  readonly audience: string;
  readonly carriers: CarrierOptions;
  /** Whether a session without an attestation is refused. */
  readonly required: boolean;
  /** Returns the signing keys in use. */
  readonly keys: () => SigningKeys;
  readonly enforcement: Enforcement;
  readonly policyDigest: () => string;
  /** Where a client's address is; undefined when that is never known. */
  readonly regionOf?: RegionOf | undefined;
  readonly attested: (gatekeeper: string, carrier: AttestationCarrier, outcome: AttestationOutcome) => void;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

const exporterLabel = 'EXPORTER-Channel-Binding';
const exporterBytes = 32;
const noContext = Buffer.alloc(0);
/** Random bytes of `jti`, and of the unique id in the PROXY header. */
const identifierBytes = 16;

export class GatekeeperAttestations {
  readonly #options: GatekeeperAttestationsOptions;
  readonly #rules = new WeakMap<CompiledPolicy, SignalRules>();
  readonly #pool = new RandomPool();
  readonly #random = (): Uint8Array => this.#pool.take(identifierBytes);

  constructor(options: GatekeeperAttestationsOptions) {
    this.#options = options;
  }

  /** Whether the stream features must be answered before the client is read. */
  get overStream(): boolean {
    return this.#options.carriers.stream;
  }

  /** Returns the nonza that answers the feature, bound to the TLS connection that carries it; undefined when none can
   *  be made and none is required.
   *  @throws StreamError ERR_SIGNALS_… when one is required */
  nonza(evidence: ConnectionEvidence, outgoing: Socket, offered: boolean): Uint8Array | undefined {
    if (!offered) return this.#impossible('stream', 'not-offered');
    const jws = this.#overTls('stream', evidence, outgoing);
    return jws === undefined ? undefined : ownBytes(signalsNonza(jws));
  }

  /** Returns the value of the `Connection-Signals` field for a request on this connection; undefined when none can be
   *  made and none is required.
   *  @throws StreamError ERR_SIGNALS_… when one is required */
  httpField(evidence: ConnectionEvidence, outgoing: Socket): string | undefined {
    return this.#options.carriers.http ? this.#overTls('http', evidence, outgoing) : undefined;
  }

  /** Returns the PROXY header to write first on a connection to the gatekeeper; undefined without that carrier.
   *  @param binding what will prove there that header and connection belong together; undefined without it
   *  @throws StreamError ERR_SIGNALS_… when an attestation is required and cannot be made */
  proxyHeader(evidence: ConnectionEvidence, binding: AttestationBinding | undefined): Uint8Array | undefined {
    const { carriers } = this.#options;
    if (carriers.proxyProtocol === undefined) return undefined;
    const { profile, headerBytesMax, attestationType } = carriers.proxyProtocol;
    const statement = this.#state(evidence);
    const input = {
      ...headerInput(evidence, statement, profile),
      uniqueId: this.#random(),
      headerBytesMax,
      attestationType,
    };
    if (profile === 'none') {
      this.#options.attested(this.#options.gatekeeper, 'proxy-protocol', 'sent');
      return written(proxyHeader(input));
    }
    const attestation = this.#packed(statement, binding);
    const answer = attestation && proxyHeader({ ...input, attestation });
    if (answer?.kind === 'too-large') this.#impossible('proxy-protocol', 'too-large');
    if (answer?.kind !== 'header') return written(proxyHeader(input));
    this.#options.attested(this.#options.gatekeeper, 'proxy-protocol', 'sent');
    return answer.header;
  }

  #packed(statement: SignalStatement, binding: AttestationBinding | undefined): Uint8Array | undefined {
    if (binding === undefined) return this.#impossible('proxy-protocol', 'no-certificate');
    const jws = this.#sign(statement, binding);
    if (jws === undefined) return this.#impossible('proxy-protocol', 'no-key');
    return packAttestation(jws) ?? this.#impossible('proxy-protocol', 'too-large');
  }

  #overTls(carrier: AttestationCarrier, evidence: ConnectionEvidence, outgoing: Socket): string | undefined {
    const value = exporterOf(outgoing);
    if (value === undefined) return this.#impossible(carrier, 'tls-version');
    const jws = this.#sign(this.#state(evidence), { kind: 'tls-exporter', value });
    if (jws === undefined) return this.#impossible(carrier, 'no-key');
    this.#options.attested(this.#options.gatekeeper, carrier, 'sent');
    return jws;
  }

  #sign({ signals, necessities }: SignalStatement, binding: AttestationBinding): string | undefined {
    const { issuer, audience, keys, policyDigest, clock } = this.#options;
    try {
      return attest(
        {
          issuer,
          audience,
          binding,
          policyDigest: policyDigest(),
          signals: signalClaims(signals, necessities),
        },
        { keys: keys(), clock, random: this.#random },
      );
    } catch (error) {
      if (error instanceof KeyError) return undefined;
      throw error;
    }
  }

  /** Returns the signals that the policy allows, and counts its decisions. */
  #state(evidence: ConnectionEvidence): SignalStatement {
    const { enforcement } = this.#options;
    const ask = (policy: CompiledPolicy): SignalRules => this.#rulesOf(policy, evidence);
    const rules = enforcement.apply(this.#options, 'gatekeeper', ask, everySignal);
    return signalsUnder(rules, evidence.signals);
  }

  /** Returns the rules of a policy, cached for as long as it is in force unless it has exceptions, which are for some
   *  connections and expire. */
  #rulesOf(policy: CompiledPolicy, evidence: ConnectionEvidence): SignalRules {
    const known = this.#rules.get(policy);
    if (known !== undefined) return known;
    const { gatekeeper, clock, regionOf } = this.#options;
    const { listener } = evidence;
    const rules = signalRules(policy, { gatekeeper, listener, region: regionOf?.(evidence), now: clock() });
    if (policy.exceptions.length === 0) this.#rules.set(policy, rules);
    return rules;
  }

  #impossible(carrier: AttestationCarrier, outcome: Exclude<AttestationOutcome, 'sent'>): undefined {
    const { attested, gatekeeper, required } = this.#options;
    attested(gatekeeper, carrier, outcome);
    if (!required) return undefined;
    // In a stream the gatekeeper receives the condition, before it only the client.
    const condition = carrier === 'stream' ? 'policy-violation' : 'remote-connection-failed';
    throw new StreamError(condition, { code: refusals[outcome] });
  }
}

const refusals: Readonly<Record<Exclude<AttestationOutcome, 'sent'>, StreamErrorCode>> = {
  'not-offered': 'ERR_SIGNALS_NOT_OFFERED',
  'tls-version': 'ERR_SIGNALS_TLS_VERSION',
  'no-certificate': 'ERR_SIGNALS_CERTIFICATE',
  'no-key': 'ERR_SIGNALS_NO_KEY',
  'too-large': 'ERR_SIGNALS_TOO_LARGE',
};

/** Returns the exporter of RFC 9266; undefined below TLS 1.3, where both ends may compute different bindings. */
function exporterOf(outgoing: Socket): Buffer | undefined {
  if (!(outgoing instanceof TLSSocket) || outgoing.getProtocol() !== 'TLSv1.3') return undefined;
  return outgoing.exportKeyingMaterial(exporterBytes, exporterLabel, noContext);
}

/** Returns the addresses for the PROXY header, as the policy shows them. */
function headerInput(
  { client, destination, handshake }: ConnectionEvidence,
  { signals: { clientIp }, necessities, tellsPort }: SignalStatement,
  profile: ProxyProfile,
): ProxyHeaderInput {
  const told = necessities.client_ip !== undefined && clientIp.kind === 'seen' && client !== undefined;
  const source: Endpoint | undefined = told
    ? { address: clientIp.value.address.reveal(), port: tellsPort ? client.reveal().port : 0 }
    : undefined;
  return {
    source,
    destination,
    profile,
    ...(handshake?.serverName === undefined || isIP(handshake.serverName) !== 0
      ? {}
      : { authority: handshake.serverName }),
    ...(handshake?.alpn === undefined ? {} : { alpn: handshake.alpn }),
    ...(handshake === undefined ? {} : { tlsVersion: handshake.version }),
  };
}

/** Returns the bytes of a PROXY header without an attestation.
 *  @throws StreamError when even its addresses exceed the operator's limit */
function written(answer: ProxyHeaderAnswer): Uint8Array {
  if (answer.kind === 'header') return answer.header;
  throw new StreamError('remote-connection-failed', { code: 'ERR_SIGNALS_TOO_LARGE' });
}
