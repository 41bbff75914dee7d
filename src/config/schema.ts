/** The shape of `narthex.yaml`: every key with its unit, default and meaning. The same definitions give the types,
 *  the checks and the JSON Schema for editors. What needs more than one value at a time is in `crosscheck.ts`. */
import { z } from 'zod';
import { gatekeeperPolicy, policySection } from './sections/policy.ts';
import { capabilities, gatekeeperCapabilities } from './sections/capabilities.ts';
import { chat } from './sections/chat.ts';
import { gatekeeperLimits, limits } from './sections/limits.ts';
import { ledger } from './sections/ledger.ts';
import { enlistment, mediaCallers, publicHttp, pushCaller } from './sections/http.ts';
import { regions } from './sections/regions.ts';
import { addressRanges, provider } from './sections/provider.ts';
import { attestation, proxyProtocol, signals } from './sections/signals.ts';
import { state } from './sections/state.ts';
import { tracing } from './sections/tracing.ts';
import {
  bindHost,
  bound,
  certificate,
  domain,
  file,
  hostPort,
  milliseconds,
  name,
  port,
  webSocketUrl,
} from './values.ts';

const dayMs = 86_400_000;
const monthMs = 30 * dayMs;

const tls = z.enum(['starttls', 'direct']);

const listener = z
  .strictObject({
    name: name.describe('Name of the listener in logs and metrics.'),
    host: bindHost
      .default('::')
      .describe('Address to listen on; `::` is every address of the machine, IPv4 included.'),
    port: port.describe('TCP port; 0 takes a free one.'),
    tls: tls.describe(
      '`starttls`: plain first, encrypted before anything else (RFC 6120 §5), usually port 5222; `direct`: encrypted ' +
        'from the first byte (XEP-0368), usually port 5223. There is no default: a wrong guess hangs.',
    ),
    proxyProtocol: proxyProtocol.optional(),
  })
  .describe('A port that clients connect to.');

const servedDomain = z
  .strictObject({
    domain: domain.describe('Domain that clients ask for, in the stream header and in TLS (SNI).'),
    gatekeeper: name.describe('Name of the gatekeeper that serves it.'),
  })
  .describe('Which XMPP domain goes to which gatekeeper.');

const connectByAddress = z
  .strictObject({
    address: hostPort.describe('host:port of the server; IPv6 addresses in brackets.'),
    tls: tls
      .optional()
      .describe(
        'How the server starts TLS; see `listeners[].tls`. Required with `protocol: xmpp`, and for that only.',
      ),
  })
  .describe('A fixed address.');

const connectBySrv = z
  .strictObject({
    srv: domain.describe(
      'Domain whose SRV records _xmpps-client and _xmpp-client name the server (RFC 6120 §3.2.1).',
    ),
  })
  .describe('The address that DNS names.');

const connectByWebSocket = z
  .strictObject({
    websocket: webSocketUrl.describe(
      'Address of its XMPP over WebSocket (RFC 7395). Its certificate must have the host of this URL.',
    ),
  })
  .describe('A WebSocket.');

const gatekeeper = z
  .strictObject({
    name: name.describe('Name of the gatekeeper in `domains`, logs and metrics.'),
    protocol: z
      .enum(['xmpp', 'chat-channel'])
      .default('xmpp')
      .describe(
        '`xmpp`: streams over TLS (RFC 6120); `chat-channel`: Noise over TCP and the binary protocol of ' +
          'docs/chat-channel.md, described in `chat`. Clients speak XML over TLS with either.',
      ),
    connect: z.union([connectByAddress, connectBySrv, connectByWebSocket]).describe('Where its server is.'),
    caFile: file
      .optional()
      .describe(
        'Certificate authorities in PEM form to trust for this gatekeeper instead of the public ones.',
      ),
    clientCertFile: file
      .optional()
      .describe('Certificate in PEM form by which the proxy shows who it is (mutual TLS).'),
    clientKeyFile: file.optional().describe('Private key of `clientCertFile`.'),
    channelBinding: z
      .enum(['same-certificate', 'gatekeeper-without-plus', 'reauthenticate'])
      .optional()
      .describe(
        'By default `gatekeeper-without-plus`; with `protocol: chat-channel` always `reauthenticate`. ' +
          '`gatekeeper-without-plus`: clients authenticate without binding a channel, and those that would use SCRAM-…-PLUS ' +
          'are refused with the setting of the gatekeeper to change; ' +
          '`same-certificate`: proxy and gatekeeper show the same certificate, so that tls-server-end-point (RFC 5929) ' +
          'survives the proxy; `reauthenticate`: clients authenticate to the proxy by their ownership token ' +
          '(OAUTHBEARER, or PLAIN with the token as the password), which the proxy verifies as `provider` says and ' +
          'presents to the gatekeeper by OAUTHBEARER (RFC 7628).',
      ),
    policy: gatekeeperPolicy.optional(),
    capabilities: gatekeeperCapabilities.optional(),
    limits: gatekeeperLimits.optional(),
    attestation: attestation.optional(),
    enlistment: enlistment.optional(),
    push: pushCaller.optional(),
    media: mediaCallers.optional(),
    chat: chat.optional(),
  })
  .transform((section) => ({ ...section, channelBinding: channelBindingOf(section) }))
  .describe('A messaging server that the proxy stands in front of.');

/** Returns the value in force. On the chat channel the proxy authenticates clients itself; a value that contradicts this
 *  is refused later. */
function channelBindingOf<T extends string>({
  protocol,
  channelBinding,
}: {
  readonly protocol: 'xmpp' | 'chat-channel';
  readonly channelBinding?: T | undefined;
}): T | 'reauthenticate' | 'gatekeeper-without-plus' {
  return channelBinding ?? (protocol === 'chat-channel' ? 'reauthenticate' : 'gatekeeper-without-plus');
}

const timeouts = z
  .strictObject({
    handshakeMs: milliseconds(10_000, 100, 'From accepting a connection to its finished TLS handshake.'),
    preAuthMs: milliseconds(30_000, 100, 'From accepting a connection to successful authentication.'),
    dialMs: milliseconds(10_000, 100, 'To resolve, connect to and negotiate TLS with a gatekeeper.'),
    writeStallMs: milliseconds(60_000, 100, 'How long a peer may read nothing while data waits for it.'),
    websocketPingMs: milliseconds(
      60_000,
      0,
      'How long a peer over WebSocket may be silent before it is pinged, and then to answer; 0 for no pings.',
    ),
    closeGraceMs: milliseconds(1_000, 0, "How long a closed stream waits for the peer's closing tag."),
    drainMs: milliseconds(
      25_000,
      0,
      'How long a stopping proxy takes to end its sessions; keep it below terminationGracePeriodSeconds.',
    ),
    drainSpreadMs: z
      .int()
      .min(0)
      .max(dayMs)
      .optional()
      .describe(
        'Time from the start of draining over which the ends of sessions are spread, at most `drainMs`; by default four ' +
          `fifths of it. Milliseconds, 0 to ${dayMs}.`,
      ),
    idleMs: milliseconds(
      0,
      0,
      'How long a session may be silent in both directions; 0 for as long as it likes.',
    ),
    overRateMs: milliseconds(
      30_000,
      1_000,
      'How long a client may send more than `limits.stanzasPerSecondMax` or `limits.bytesPerSecondMax`.',
    ),
    sessionAgeMs: milliseconds(
      0,
      0,
      'How long a session may last after authentication, so that clients spread over new replicas; 0 for any time.',
      monthMs,
    ),
    sessionAgeJitterMs: milliseconds(
      600_000,
      0,
      'At most this is added to `sessionAgeMs` at random, so that sessions of the same age do not end at once.',
    ),
  })
  .prefault({})
  .describe('Named waits.');

const overload = z
  .strictObject({
    loopDelayMs: milliseconds(
      250,
      0,
      'Lateness of the event loop, as the median of half a second and twice in a row, from which on new sessions and ' +
        'requests are refused; they are taken again after three seconds below half of it. 0 for no limit.',
      60_000,
    ),
    memoryBytesMax: bound(
      0,
      0,
      2 ** 46,
      'Resident memory in bytes from which on new sessions and requests are refused; 0 for 85 % of what the container ' +
        'may use, where there is one.',
    ),
  })
  .prefault({})
  .describe('When new work is refused so that old work does not suffer.');

const admin = z
  .strictObject({
    host: bindHost
      .default('127.0.0.1')
      .describe('Address of the admin port. It has no authentication: keep it inside.'),
    port: port.default(9_090).describe('TCP port of probes and metrics; 0 takes a free one.'),
    names: z
      .array(domain)
      .max(100)
      .default([])
      .describe(
        'Host names under which the API (/api) may be called, in addition to addresses and localhost; others are refused, since ' +
          'a page in a browser could use them.',
      ),
    addresses: addressRanges
      .default([])
      .describe('Address ranges from which the API may be called, in addition to this machine.'),
    exposureRowsMax: bound(
      5_000,
      100,
      50_000,
      'Combinations of gatekeeper, audience, field, treatment, mode and policy that /api/exposure lists and the metrics ' +
        'keep apart; decisions on further ones are counted together.',
    ),
  })
  .prefault({})
  .describe(
    'Probes (/livez, /readyz, /startupz), Prometheus metrics (/metrics) and the API (/api) for the operator.',
  );

const log = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Least severity that is written to standard output, one JSON object per line.'),
    unauthenticatedLinesPerSecondMax: bound(
      20,
      0,
      100_000,
      'Lines per second of each event that peers without an account can cause, ten seconds of them at once; what is ' +
        'left out is counted in `log.suppressed` and a metric. 0 for no limit.',
    ),
  })
  .prefault({})
  .describe('Logs carry closed words, numbers and names of this file; nothing that came over the wire.');

/** The whole file, as it is written: defaults not yet filled in on the input side. */
export const configSchema = z
  .strictObject({
    apiVersion: z.literal('narthex/v1').describe('Version of this format.'),
    kind: z.literal('Proxy').describe('What the document configures.'),
    replicas: bound(
      1,
      1,
      1_000,
      'Processes that serve the same clients with this configuration. More than one need secrets that they share, in ' +
        '`policy.keyFiles` and `provider.media.keyFiles`: generated ones differ between processes.',
    ),
    listeners: z.array(listener).min(1).max(100).describe('Ports that clients connect to.'),
    certificates: z
      .array(certificate)
      .min(1)
      .max(1_000)
      .describe('Certificates shown to clients, chosen by SNI.'),
    domains: z.array(servedDomain).min(1).max(1_000).describe('XMPP domains served.'),
    gatekeepers: z.array(gatekeeper).min(1).max(1_000).describe('Messaging servers behind the proxy.'),
    policy: policySection,
    capabilities: capabilities.optional(),
    provider: provider.optional(),
    http: publicHttp.optional(),
    regions: regions.optional(),
    signals: signals.optional(),
    ledger: ledger.optional(),
    state: state.optional(),
    limits,
    timeouts,
    overload,
    admin,
    log,
    tracing,
  })
  .describe('Configuration of a Narthex proxy (narthex.yaml).');

/** A checked configuration, defaults filled in, file paths absolute. */
export type Config = Immutable<z.output<typeof configSchema>>;

export type CertificateConfig = Config['certificates'][number];
export type GatekeeperConfig = Config['gatekeepers'][number];
export type ListenerConfig = Config['listeners'][number];

type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T;
