/** The configuration of the demo: everything on loopback, with keys and certificates of one run. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { configSchema, type Config } from '../../config/schema.ts';
import { domain, host, names } from '../../simulator/story/cast.ts';
import { integrator, pushIssuer } from '../../simulator/story/chat/cast.ts';
import type { ChatStage } from '../../simulator/story/chat/stage.ts';
import type { Stage } from '../../simulator/story/stage.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** Name of the gatekeeper in the configuration. */
export const gatekeeperName = 'embedded';

export interface DemoConfigOptions {
  /** Protocol of the gatekeeper. Default: xmpp. */
  readonly protocol?: GatekeeperProtocol;
  /** A shipped policy or a file. */
  readonly policy: string;
  /** TCP port; 0 selects a free one. */
  readonly port: number;
  readonly tlsPort: number;
  /** Not 0: the public URL must be known before the port is open. */
  readonly httpPort: number;
  /** Default: clients authenticate to the gatekeeper. */
  readonly channelBinding?: Config['gatekeepers'][number]['channelBinding'];
}

export type GatekeeperProtocol = Config['gatekeepers'][number]['protocol'];

/** Paths of the files in the configuration. */
export interface DemoFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** Client certificate of the gatekeeper, the only one that may push or fetch media. */
  readonly gatekeeperCertificate: string;
  /** Folder of the keys that attestations are signed with. */
  readonly signingKeys: string;
  /** Secrets that one party alone writes: of account keys, of media addresses, and the bearer token of uploads. */
  readonly accountSecret: string;
  readonly mediaKey: string;
  readonly uploadToken: string;
}

/** The parties that either story has. */
type Parties = Pick<Stage, 'authority' | 'provider'> & {
  readonly gatekeeper: Pick<Stage['gatekeeper'], 'callerCertificate'>;
};

/** Writes certificates and keys for one run into a folder.
 *  @throws Refusal ERR_TEMPORARY_FILE */
export function writeDemoFiles(
  folder: TemporaryFolder,
  { authority, gatekeeper }: Parties,
  uploadToken = '',
): DemoFiles {
  const pair = authority.issue([domain, host]);
  const { privateKey } = generateKeyPairSync('ed25519');
  const signingKeys = folder.makeFolder('signing-keys');
  folder.write('signing-keys/spring.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return {
    ca: folder.write('ca.crt', authority.certificate),
    certificate: folder.write('localhost.crt', pair.certificate),
    key: folder.write('localhost.key', pair.key),
    gatekeeperCertificate: folder.write('gatekeeper.crt', gatekeeper.callerCertificate),
    signingKeys,
    accountSecret: folder.write('account-secret', randomBytes(32)),
    mediaKey: folder.write('media-key', randomBytes(32)),
    uploadToken: folder.write('upload-token', uploadToken),
  };
}

const shipped = (path: string): string =>
  fileURLToPath(new URL(`../../../policies/${path}`, import.meta.url));

/** Returns the configuration of the proxy between the parties of the XMPP story. */
export function demoConfig(stage: Stage, files: DemoFiles, options: DemoConfigOptions): Config {
  const { services, endpoint } = stage.gatekeeper;
  return configSchema.parse({
    ...common(stage, files, options),
    gatekeepers: [
      {
        name: gatekeeperName,
        connect: { address: `${host}:${endpoint.port}`, tls: 'direct' },
        caFile: files.ca,
        channelBinding: options.channelBinding,
        enlistment: { url: `${services.url}/enlistments`, answerMembers: ['status'] },
        push: {
          issuer: names.gatekeeper,
          jwksUri: `${services.url}/.well-known/jwks.json`,
          caFile: files.ca,
          certFile: files.gatekeeperCertificate,
        },
        media: {
          certFile: files.gatekeeperCertificate,
          hosts: [services.url],
          caFile: files.ca,
          allowAddresses: [`${host}/32`],
        },
        attestation: { audience: names.gatekeeper, carriers: { stream: {}, http: {} }, required: true },
      },
    ],
  });
}

/** Returns the configuration of the proxy between the parties of the story over the chat channel. */
export function chatDemoConfig(stage: ChatStage, files: DemoFiles, options: DemoConfigOptions): Config {
  const { services, ports, server } = stage.gatekeeper;
  const { provider, ...rest } = common(stage, files, options);
  return configSchema.parse({
    ...rest,
    provider: {
      ...provider,
      // Clients present a token at each login, where no nonce comes with it.
      nonce: 'optional',
      media: {
        ...provider.media,
        keyFiles: [files.mediaKey],
        references: { bearerTokenFiles: [files.uploadToken] },
      },
    },
    gatekeepers: [
      {
        name: gatekeeperName,
        protocol: 'chat-channel',
        connect: { address: `${host}:${ports.intermediary}` },
        chat: {
          rootKey: server.root.key.toString('hex'),
          rootSerial: server.root.serial,
          accountSecretFiles: [files.accountSecret],
          integrator,
          platform: 14,
          appVersion: [2, 3000, 1],
        },
        enlistment: { url: services.enlistmentUrl, caFile: files.ca },
        push: { issuer: pushIssuer, jwksUri: services.jwksUrl, caFile: files.ca },
        media: { certFile: files.gatekeeperCertificate },
        attestation: {
          audience: names.gatekeeper,
          carriers: { proxyProtocol: {}, http: {} },
          required: true,
        },
      },
    ],
  });
}

/** Returns the sections that do not depend on the gatekeeper's protocol. */
function common({ provider }: Parties, files: DemoFiles, options: DemoConfigOptions) {
  return {
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    // All parties share this process, so a late event loop does not show the proxy's load.
    overload: { loopDelayMs: 0 },
    listeners: [
      { name: 'starttls', host, port: options.port, tls: 'starttls' },
      { name: 'direct', host, port: options.tlsPort, tls: 'direct' },
    ],
    certificates: [{ certFile: files.certificate, keyFile: files.key }],
    domains: [{ domain, gatekeeper: gatekeeperName }],
    policy: { file: options.policy },
    signals: { issuer: names.intermediary, keysFolder: files.signingKeys },
    capabilities: {
      contentKinds: shipped('content-kinds.yaml'),
      profiles: shipped('capabilities'),
    },
    provider: {
      issuer: names.provider,
      jwksUri: `${provider.url}/.well-known/jwks.json`,
      configurationUri: `${provider.url}/.well-known/openid-configuration`,
      audiences: [names.gatekeeper],
      caFile: files.ca,
      push: { url: `${provider.url}/push` },
      media: {
        hosts: [provider.url],
        // The media servers of the demo are on loopback, which is refused unless it is listed.
        allowAddresses: [`${host}/32`],
      },
    },
    http: { host, port: options.httpPort, publicUrl: `https://${host}:${options.httpPort}` },
  };
}
