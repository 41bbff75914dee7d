/** Dials the gatekeepers of a configuration as sessions would, and says what came of each (`narthex check --connect`). */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import type { DialCause } from '../../errors/causes.ts';
import type { StreamErrorCode } from '../../errors/stream.ts';
import { connectGatekeeper } from '../../session/gatekeeper-route.ts';
import { localProxyHeader } from '../../signals/proxy-protocol-header.ts';
import { createVocabulary } from '../../stanza/vocabulary.ts';
import { awaitFeatures } from '../../transport/features.ts';
import { GatekeeperError } from '../../transport/gatekeeper-error.ts';
import { systemResolver } from '../../transport/srv.ts';
import { TlsModeProbe } from '../../transport/tls-mode.ts';
import type { Clock } from '../clock.ts';
import { openCredentials } from '../parts/credentials.ts';
import { targetOf } from '../parts/gatekeepers.ts';
import { createScanning, type Scanning } from '../parts/scanning.ts';

/** What came of dialling a gatekeeper for one of its domains. */
export type Reach = {
  readonly gatekeeper: string;
  readonly domain: string;
  /** From the first look-up to the features of the stream. */
  readonly milliseconds: number;
} & (
  | {
      readonly kind: 'reached';
      readonly tlsVersion: string;
      /** End of its certificate's validity, ISO 8601. */
      readonly notAfter: string;
    }
  | { readonly kind: 'failed'; readonly code: StreamErrorCode; readonly cause: DialCause }
);

/** Gatekeepers that are dialled at once. */
const dialsMax = 16;

/** Dials each gatekeeper once for each domain that it serves: `dialMs` for the connection with TLS, once more where
 *  STARTTLS is negotiated, and once more for the features. At most 16 at once.
 *  @returns one for each domain, in the order of the configuration
 *  @throws SetupError when a file of a gatekeeper does not load */
export async function reachGatekeepers(config: Config, clock: Clock): Promise<readonly Reach[]> {
  const scanning = createScanning(config.limits, createVocabulary());
  const tlsMode = new TlsModeProbe();
  const found: Reach[] = [];
  const waiting = [...config.domains.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { domain, gatekeeper: name }] = next;
      const gatekeeper = config.gatekeepers.find((each) => each.name === name)!;
      const { dialMs: dialTimeoutMs } = config.timeouts;
      found[index] = await reach({ gatekeeper, domain, dialTimeoutMs, scanning, tlsMode, clock });
    }
  };
  await Promise.all(Array.from({ length: dialsMax }, work));
  return found;
}

interface Reaching {
  readonly gatekeeper: GatekeeperConfig;
  readonly domain: string;
  readonly dialTimeoutMs: number;
  readonly scanning: Scanning;
  readonly tlsMode: TlsModeProbe;
  readonly clock: Clock;
}

/** @throws SetupError */
async function reach({
  gatekeeper,
  domain,
  dialTimeoutMs,
  scanning: { names, workspace },
  tlsMode,
  clock,
}: Reaching): Promise<Reach> {
  const started = clock.monotonic();
  const about = (): Pick<Reach, 'gatekeeper' | 'domain' | 'milliseconds'> => ({
    gatekeeper: gatekeeper.name,
    domain,
    milliseconds: Math.round(clock.monotonic() - started),
  });
  const credentials = await openCredentials(gatekeeper.name, gatekeeper, () => {});
  const takesHeader = gatekeeper.attestation?.carriers.proxyProtocol !== undefined;
  try {
    const socket = await connectGatekeeper(
      {
        target: targetOf(gatekeeper),
        credentials,
        resolver: systemResolver(),
        names,
        workspace,
        dialTimeoutMs,
        tlsMode,
      },
      {
        domain,
        signal: new AbortController().signal,
        preface: takesHeader ? localProxyHeader : undefined,
      },
    );
    try {
      await awaitFeatures(socket, { domain, names, workspace, negotiationTimeoutMs: dialTimeoutMs });
      const notAfter = socket.getPeerX509Certificate()!.validToDate.toISOString();
      return { ...about(), kind: 'reached', tlsVersion: socket.getProtocol() ?? '', notAfter };
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (!(error instanceof GatekeeperError)) throw error;
    return { ...about(), kind: 'failed', code: error.code, cause: error.dialCause };
  } finally {
    credentials.close();
  }
}
