/** The configuration of the proxy of a canary run: that of the demo, with a second gatekeeper on the chat channel, and with
 *  everything recorded that can be. */
import { generateKeyPairSync } from 'node:crypto';
import type { ScriptedChatGatekeeper } from '../../canaries/scripted-chat-gatekeeper.ts';
import type { ScriptedGatekeeper } from '../../canaries/scripted-gatekeeper.ts';
import { host } from '../../simulator/story/cast.ts';
import type { Stage } from '../../simulator/story/stage.ts';
import { demoConfig, writeDemoFiles } from '../demo/config.ts';
import type { TemporaryFolder } from '../demo/temporary-folder.ts';

/** Domain of the gatekeeper on the chat channel. */
export const chatDomain = 'chat.localhost';
const chatGatekeeperName = 'embedded-chat';

export interface CanaryConfigOptions {
  /** An empty folder for its files. */
  readonly folder: TemporaryFolder;
  readonly stage: Stage;
  readonly gatekeeper: ScriptedGatekeeper;
  readonly chatGatekeeper: ScriptedChatGatekeeper;
  /** Where traces go. */
  readonly otlpEndpoint: string;
  /** A shipped policy or a file. */
  readonly policy: string;
  readonly httpPort: number;
}

/** Writes the configuration with its certificates and keys.
 *  @returns the paths of the configuration and of the ledger's folder
 *  @throws Refusal ERR_TEMPORARY_FILE */
export function writeCanaryConfig(options: CanaryConfigOptions): {
  readonly file: string;
  readonly ledgerFolder: string;
} {
  const { folder, stage, gatekeeper, chatGatekeeper, otlpEndpoint, policy, httpPort } = options;
  const files = writeDemoFiles(folder, stage);
  const config = demoConfig(stage, files, { policy, port: 0, tlsPort: 0, httpPort });
  const chatPair = stage.authority.issue([chatDomain]);
  const { privateKey } = generateKeyPairSync('ed25519');
  const ledgerKey = folder.write(
    'ledger.pem',
    privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  );
  const ledgerFolder = folder.makeFolder('ledger');
  const [own] = config.gatekeepers;
  const text = JSON.stringify({
    ...config,
    certificates: [
      ...config.certificates,
      {
        certFile: folder.write('chat.crt', chatPair.certificate),
        keyFile: folder.write('chat.key', chatPair.key),
      },
    ],
    domains: [...config.domains, { domain: chatDomain, gatekeeper: chatGatekeeperName }],
    // Clients of the chat channel show a token at each login, where no nonce comes with it.
    provider: { ...config.provider, nonce: 'optional' },
    gatekeepers: [
      { ...own, connect: { address: `${host}:${gatekeeper.port}`, tls: 'direct' } },
      chatSection(chatGatekeeper, files.accountSecret),
    ],
    admin: { host, port: 0 },
    log: { level: 'debug', unauthenticatedLinesPerSecondMax: 0 },
    tracing: { otlpEndpoint },
    ledger: { recordsFolder: ledgerFolder, keyFile: ledgerKey, intervalMs: 1_000 },
    limits: { ...config.limits, stanzasPerSecondMax: 0 },
  });
  return { file: folder.write('narthex.yaml', text), ledgerFolder };
}

function chatSection({ port, root }: ScriptedChatGatekeeper, accountSecret: string): object {
  return {
    name: chatGatekeeperName,
    protocol: 'chat-channel',
    connect: { address: `${host}:${port}` },
    chat: {
      rootKey: root.key.toString('hex'),
      rootSerial: root.serial,
      accountSecretFiles: [accountSecret],
      integrator: 7,
      platform: 14,
      appVersion: [2, 3000, 1],
    },
  };
}
