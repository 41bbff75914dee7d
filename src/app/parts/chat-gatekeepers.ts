/** Routes to gatekeepers with `protocol: chat-channel`. */
import { defaultChatLimits } from '../../chat/limits.ts';
import { parseHostPort } from '../../config/address.ts';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import type { TokenAuthenticationOptions } from '../../session/authentication/token-exchange.ts';
import { ChatCodec } from '../../session/chat/codec.ts';
import { createChatRoute, type ChatRouteOptions } from '../../session/chat/route.ts';
import type { GatekeeperRoute } from '../../session/machine.ts';
import type { ChannelRequest } from '../../session/negotiation/verify-token.ts';
import type { StageFactory } from '../../session/stage.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';
import { Reloading } from '../../transport/reloading.ts';
import { systemResolver } from '../../transport/srv.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport } from '../observer.ts';
import type { Parts } from '../part.ts';
import { chatStreamLimits, type Scanning } from './scanning.ts';
import { limitsOf } from './session-limits.ts';
import type { Signals } from './signals.ts';

export interface ChatGatekeepersOptions extends Pick<Scanning, 'names' | 'workspace'> {
  readonly files: FilesReport;
  readonly signals: Signals;
  readonly authentication: TokenAuthenticationOptions;
  /** Stages of sessions on the chat channel. */
  readonly stages: readonly StageFactory[];
  /** Returns whether a client's profile receives read receipts; undefined where a gatekeeper has no profiles. */
  readonly profileReadsReceipts: (
    gatekeeper: string,
    client: ChannelRequest['client'],
  ) => boolean | undefined;
  readonly clock: Clock;
}

/** The parts of a gatekeeper's configuration that are there by its protocol. */
interface ChatGatekeeperConfig {
  readonly address: ChatRouteOptions['address'];
  readonly chat: NonNullable<GatekeeperConfig['chat']>;
}

/** Opens the route to a gatekeeper.
 *  @throws SetupError ERR_SECRET_… */
export async function openChatRoute(
  config: Pick<Config, 'timeouts' | 'limits' | 'provider'>,
  gatekeeper: GatekeeperConfig,
  options: ChatGatekeepersOptions,
  parts: Parts,
): Promise<GatekeeperRoute> {
  const { names, workspace, files, signals, authentication, stages, profileReadsReceipts, clock } = options;
  const { name } = gatekeeper;
  const { address, chat } = chatConfigOf(gatekeeper);
  const secrets = parts.track(await openAccountSecrets(name, chat.accountSecretFiles, files));
  const limits = { ...defaultChatLimits, ...chat.limits };
  const streamLimits = chatStreamLimits(config.limits, gatekeeper);
  const codec = new ChatCodec({
    names,
    limits,
    streamLimits,
    interopServer: chat.interopServer,
    workspace,
    sendingWorkspace: new Workspace(new SimdStructure(), streamLimits),
  });
  return createChatRoute({
    name,
    address,
    codec,
    output: workspace.output,
    limits: limitsOf(config, gatekeeper),
    stages,
    authentication,
    attestations: signals.attestations(name),
    resolver: systemResolver(),
    dialTimeoutMs: config.timeouts.dialMs,
    root: { key: Buffer.from(chat.rootKey, 'hex'), serial: chat.rootSerial },
    secrets: () => secrets.current,
    issuer: config.provider?.issuer ?? unchecked(),
    integrator: chat.integrator,
    payload: payloadOf(chat),
    readReceiptsOf: (client) =>
      chat.enableReadReceipts === 'by-profile' ? profileReadsReceipts(name, client) : chat.enableReadReceipts,
    accountNumber: chat.accountNumber,
    chatLimits: limits,
    clock: clock.wall,
  });
}

/** Returns the settings of a gatekeeper on the chat channel in a checked configuration.
 *  @throws RangeError when they are missing or malformed */
export function chatConfigOf({ connect, chat }: GatekeeperConfig): ChatGatekeeperConfig {
  const parsed = 'address' in connect ? parseHostPort(connect.address) : undefined;
  if (parsed === undefined || parsed.kind === 'malformed' || chat === undefined) return unchecked();
  return { address: parsed.address, chat };
}

function unchecked(): never {
  throw new RangeError('the configuration was not checked');
}

function payloadOf({
  platform,
  appVersion,
  passive,
  pull,
  padToBytes,
}: ChatGatekeeperConfig['chat']): ChatRouteOptions['payload'] {
  return {
    platform,
    appVersion,
    padToBytes,
    ...(passive !== undefined && { passive }),
    ...(pull !== undefined && { pull }),
  };
}

const secretBytesMin = 32;

/** Opens the secrets that the keys of accounts are derived from.
 *  @throws SetupError ERR_SECRET_… */
export function openAccountSecrets(
  gatekeeper: string,
  paths: readonly string[],
  report: FilesReport,
): Promise<Reloading<readonly Uint8Array[]>> {
  return Reloading.open({
    name: `${gatekeeper}: chat.accountSecretFiles`,
    files: paths.map((path) => ({ role: 'secret', path, isPrivate: true })),
    encoding: 'latin1',
    report,
    build: (texts, refuse) =>
      texts.map((text, index) =>
        text.length < secretBytesMin ? refuse(index) : Buffer.from(text, 'latin1'),
      ),
  });
}
