/** What a gatekeeper's protocol needs, and what does nothing with it. Pure. */
import type { ConfigErrorCode } from '../errors/config.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';
import type { Config, GatekeeperConfig } from './schema.ts';

type Report = (code: ConfigErrorCode, path: ConfigPath, message: string, remedy?: string) => ConfigProblem;

/** Returns the contradictions between each gatekeeper's protocol and its other settings. */
export function crossCheckProtocols(config: Config, report: Report): ConfigProblem[] {
  return config.gatekeepers.flatMap((gatekeeper, index) => {
    const path: ConfigPath = ['gatekeepers', index];
    return gatekeeper.protocol === 'xmpp'
      ? xmppProblems(gatekeeper, path, report)
      : chatProblems(gatekeeper, config, path, report);
  });
}

function xmppProblems(
  { chat, connect }: GatekeeperConfig,
  path: ConfigPath,
  report: Report,
): ConfigProblem[] {
  const found: ConfigProblem[] = [];
  if ('address' in connect && connect.tls === undefined)
    found.push(
      report('ERR_CONFIG_MISSING', [...path, 'connect', 'tls'], missing([...path, 'connect', 'tls'])),
    );
  if (chat !== undefined)
    found.push(
      report(
        'ERR_CONFIG_VALUE',
        [...path, 'chat'],
        `\`${formatPath([...path, 'chat'])}\` is for \`protocol: chat-channel\`, and the protocol is \`xmpp\``,
        'Write `protocol: chat-channel`, or remove the section.',
      ),
    );
  return found;
}

function chatProblems(
  gatekeeper: GatekeeperConfig,
  { provider, capabilities }: Config,
  path: ConfigPath,
  report: Report,
): ConfigProblem[] {
  const found: ConfigProblem[] = [];
  if (gatekeeper.chat === undefined)
    found.push(
      report(
        'ERR_CONFIG_MISSING',
        [...path, 'chat'],
        missing([...path, 'chat']),
        'Add the section `chat` with the root key and the account secrets (docs/chat-channel.md).',
      ),
    );
  if (provider === undefined)
    found.push(
      report(
        'ERR_CONFIG_MISSING',
        [...path, 'protocol'],
        '`protocol: chat-channel` verifies ownership tokens, and there is no section `provider` that says whose',
        'Add the section `provider`.',
      ),
    );
  if (gatekeeper.media !== undefined && provider?.media !== undefined && !provider.media.references)
    found.push(
      report(
        'ERR_CONFIG_MISSING',
        [...path, 'media'],
        `\`${formatPath([...path, 'media'])}\` needs \`provider.media.references\`: with \`protocol: chat-channel\` ` +
          'addresses of files are inside the encryption, where none can be sealed',
        'Add `provider.media.references` (docs/media-references.md), or remove the section.',
      ),
    );
  const profiles = gatekeeper.capabilities ?? capabilities;
  if (gatekeeper.chat?.enableReadReceipts === 'by-profile' && profiles === undefined)
    found.push(
      report(
        'ERR_CONFIG_MISSING',
        [...path, 'chat', 'enableReadReceipts'],
        '`enableReadReceipts: by-profile` needs capability profiles, and there is no section `capabilities`',
        'Add the section `capabilities`, or write `true` or `false`.',
      ),
    );
  return [...found, ...uselessWithChat(gatekeeper, path, report)];
}

/** Settings of TLS streams, which the chat channel does not have. */
function uselessWithChat(
  { connect, channelBinding, clientCertFile, caFile, attestation, enlistment }: GatekeeperConfig,
  path: ConfigPath,
  report: Report,
): ConfigProblem[] {
  // Enlistment is over HTTPS, and takes these by default.
  const withoutTls = enlistment === undefined;
  const settings: readonly [present: boolean, at: ConfigPath, remedy: string][] = [
    ['srv' in connect, ['connect', 'srv'], 'Write `address` with host and port.'],
    ['websocket' in connect, ['connect', 'websocket'], 'Write `address` with host and port.'],
    ['tls' in connect && connect.tls !== undefined, ['connect', 'tls'], removeKey],
    [
      channelBinding !== 'reauthenticate',
      ['channelBinding'],
      'Remove the key: clients authenticate to the proxy.',
    ],
    [clientCertFile !== undefined && withoutTls, ['clientCertFile'], removeKey],
    [caFile !== undefined && withoutTls, ['caFile'], 'Write `chat.rootKey`, and remove the key.'],
    [
      attestation?.carriers.stream !== undefined,
      ['attestation', 'carriers', 'stream'],
      'Write `proxyProtocol`: there are no stream features to answer.',
    ],
  ];
  return settings
    .filter(([present]) => present)
    .map(([, at, remedy]) => {
      const message = `\`${formatPath([...path, ...at])}\` does nothing with \`protocol: chat-channel\``;
      return report('ERR_CONFIG_VALUE', [...path, ...at], message, remedy);
    });
}

const removeKey = 'Remove the key: the chat channel has no TLS.';

function missing(path: ConfigPath): string {
  return `\`${formatPath(path)}\` is missing`;
}
