import { createHash } from 'node:crypto';
import { attestationTypeDefault, unpackAttestation } from '../../signals/packed-attestation.ts';
import { createVerifier, type ExpectedBinding, type Verification } from '../../signals/verify.ts';
import { text, type Element } from '../xml/element.ts';
import type { Connection } from './connection.ts';
import type { Settings } from './options.ts';

/** Receives connection signals. All connections share one memory of used attestations. */
export interface SignalsReceiver {
  readonly required: boolean;
  /** Verifies the nonza of this connection, bound to it by the TLS exporter. */
  receive(connection: Connection, nonza: Element): Promise<Verification>;
  /** Verifies the attestation in the PROXY header, bound to the certificate that the peer has shown since; undefined
   *  without one. */
  receiveHeader(connection: Connection): Promise<Verification> | undefined;
  /** Records that a required attestation is missing. */
  miss(connection: Connection): void;
}

/** Makes the receiver; undefined when the options request no attestations. */
export function createSignalsReceiver(settings: Settings): SignalsReceiver | undefined {
  const { connectionSignals: options, domain, onAttestation } = settings;
  if (options === undefined) return undefined;
  const verifier = createVerifier({
    keys: options.keys,
    issuer: options.issuer,
    audience: options.audience ?? domain,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });

  async function verify(
    { id: connectionId }: Connection,
    carrier: 'stream' | 'proxy-protocol',
    jws: string | undefined,
    binding: ExpectedBinding,
  ): Promise<Verification> {
    const verification = await verifier.verify(jws, binding);
    onAttestation({ connectionId, carrier, verification });
    return verification;
  }

  return {
    required: options.required ?? false,
    receive(connection, nonza) {
      // Without TLS 1.3 there is no exporter that both ends agree on, so nothing can match.
      const value = connection.exportChannelBinding() ?? Buffer.alloc(0);
      return verify(connection, 'stream', text(nonza), { kind: 'tls-exporter', value });
    },
    receiveHeader(connection) {
      const packed = connection.proxyHeader?.fields.others.get(
        options.attestationType ?? attestationTypeDefault,
      );
      if (packed === undefined) return undefined;
      const shown = connection.peerCertificate() ?? Buffer.alloc(0);
      const sha256 = createHash('sha256').update(shown).digest();
      // The verifier refuses what does not unpack as no JWS.
      return verify(connection, 'proxy-protocol', unpackAttestation(packed) ?? '', {
        kind: 'certificate',
        sha256,
      });
    },
    miss(connection) {
      void verify(connection, 'stream', undefined, { kind: 'unchecked' });
    },
  };
}
