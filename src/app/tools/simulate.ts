/** The simulator's gatekeeper alone, from the options of a command line, and the lines of a configuration that reaches it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { SimulatorError } from '../../simulator/error.ts';
import { startGatekeeperAlone, type GatekeeperAlone } from '../../simulator/alone.ts';

export interface SimulateOptions {
  readonly host: string;
  readonly chatPort: number;
  readonly httpPort: number;
  readonly integrator: number;
  /** Issuer of ownership tokens. */
  readonly provider: string;
  /** The gatekeeper's name in ownership tokens. */
  readonly audience: string;
  /** Base address of the proxy's public HTTPS port. */
  readonly base: string;
  /** Authorities to trust there. */
  readonly caFile?: string | undefined;
  /** Where the authority of the simulator is written. */
  readonly authorityFile: string;
}

export interface Simulation {
  /** Sections of narthex.yaml for this gatekeeper. */
  readonly configuration: string;
  /** Address of the user who answers. */
  readonly peer: string;
  /** Fetches the provider's keys through the proxy.
   *  @returns whether that succeeded */
  attach(): Promise<boolean>;
  close(): Promise<void>;
}

/** Starts the gatekeeper.
 *  @throws SimulatorError when a port cannot be opened; Error of the file system */
export async function openSimulation(options: SimulateOptions): Promise<Simulation> {
  const { provider, audience, caFile, authorityFile } = options;
  const gatekeeper = await startGatekeeperAlone({
    ...options,
    name: audience,
    provider,
    pushIssuer: 'simulated-gatekeeper',
    versionField: 'version',
    keysEveryMs: 5_000,
    ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
  });
  writeFileSync(authorityFile, gatekeeper.authority);
  const base = options.base.replace(/\/$/, '');
  return {
    configuration: configurationOf(gatekeeper, options),
    peer: gatekeeper.romeo,
    async attach() {
      try {
        await gatekeeper.services.attach(base);
        return true;
      } catch (error) {
        if (error instanceof SimulatorError) return false;
        throw error;
      }
    },
    close: () => gatekeeper.close(),
  };
}

function configurationOf(
  { chat, chatPort, services }: GatekeeperAlone,
  { host, integrator, authorityFile }: SimulateOptions,
): string {
  return `gatekeepers:
  - name: simulator
    protocol: chat-channel
    connect: { address: '${host}:${chatPort}' }
    chat:
      rootKey: ${chat.root.key.toString('hex')}
      rootSerial: ${chat.root.serial}
      accountSecretFiles: [account-secret] # openssl rand 32 > account-secret; chmod 600 account-secret
      integrator: ${integrator}
      platform: 14
      appVersion: [2, 3000, 1]
    enlistment: { url: '${services.enlistmentUrl}', caFile: ${authorityFile} }
    push: { issuer: simulated-gatekeeper, jwksUri: '${services.jwksUrl}', caFile: ${authorityFile} }
`;
}
