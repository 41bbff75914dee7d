/** A proxy built from its configuration: a list of parts, each opened with its section. */
import type { Config } from '../config/schema.ts';
import type { TokenAuthenticationOptions } from '../session/authentication/token-exchange.ts';
import { chatGuard } from '../session/chat/guard.ts';
import { boundTokens } from '../session/negotiation/bound-tokens.ts';
import { channelBindingGuard } from '../session/negotiation/channel-binding.ts';
import { bearerFailureGuard } from '../session/negotiation/bearer-failure.ts';
import { negotiationGuard } from '../session/negotiation/guard.ts';
import { streamLimitsStage } from '../session/negotiation/stream-limits.ts';
import { inStageOrder } from '../session/pipeline.ts';
import { headerPolicy } from '../session/policy/header-policy.ts';
import { Enforcement } from '../policy/enforcement.ts';
import { policyStage, type PolicyStageOptions } from '../session/policy/policy-stage.ts';
import type { SupportCodes } from '../session/support-codes.ts';
import type { RegionOf } from '../session/region.ts';
import type { StageFactory } from '../session/stage.ts';
import type { StreamServer } from '../session/stream-server.ts';
import type { Names } from '../stanza/names.ts';
import type { StateStore } from '../state/store.ts';
import { systemClock, type Clock } from './clock.ts';
import { knowableOf } from './files/knowable.ts';
import type { OpenCatalogue } from './files/policies.ts';
import { watchRestartFiles, type ConfigSource } from './files/restart-files.ts';
import type { ProxyObserver } from './observer.ts';
import { assemble, type Parts } from './part.ts';
import { unpredictable } from './random.ts';
import { openCapabilities, type Capabilities } from './parts/capabilities.ts';
import { openCertificates } from './parts/certificates.ts';
import { openGatekeepers, type GatekeepersOptions } from './parts/gatekeepers.ts';
import { httpLimits } from './parts/http-plane.ts';
import { openHttp } from './parts/http.ts';
import type { ExposureDocument } from '../http/admin/exposure.ts';
import { exposureOf, type ExposureParts } from './parts/exposure.ts';
import { IntervalsWithoutLedger } from './parts/intervals-without-ledger.ts';
import { Ledger } from './parts/ledger.ts';
import { exposureSource, inForceAt } from './parts/ledger-source.ts';
import { openLoad } from './parts/load.ts';
import { createMediaAddresses } from './parts/media-addresses.ts';
import { openPolicyRuntime, type PolicyRuntime } from './parts/policies.ts';
import { openProvider, type Provider } from './parts/provider.ts';
import { Recording, type RecordingOptions } from './parts/recording.ts';
import { reauthenticationStages, tokenAuthentication } from './parts/reauthentication.ts';
import { createScanning } from './parts/scanning.ts';
import { openRegions, type Regions } from './parts/regions.ts';
import { announcedLimits } from './parts/session-limits.ts';
import { openSignals, synVisibilityOf } from './parts/signals.ts';
import { openState } from './parts/state.ts';
import { openSupportCodes } from './parts/support-codes.ts';
import { createStreams } from './parts/streams.ts';
import { buildDigest, productVersion } from './version.ts';

/** The interface of a running proxy. */
interface RunningProxy {
  readonly streams: StreamServer;
  /** Ports in use, in the order of the configured listeners. */
  readonly ports: readonly number[];
  /** Port of the public HTTP plane; undefined without the section `http`. */
  readonly httpPort: number | undefined;
  /** The policies in force. */
  readonly policies: PolicyRuntime;
  /** Why clients were refused, by support code. */
  readonly supportCodes: SupportCodes;
  /** Returns the digest of the capability profiles in force; undefined without the section. */
  readonly profilesDigest: () => string | undefined;
  /** Returns what each audience was shown since the start. */
  readonly exposure: () => ExposureDocument;
}

export interface Proxy extends RunningProxy {
  /** Reads every watched file again. */
  refresh(): Promise<void>;
  /** Drains for `drainMs` milliseconds, by default as configured, and closes every part. */
  close(drainMs?: number): Promise<void>;
}

export interface StartOptions {
  /** The file that the configuration was loaded from, to be watched. */
  readonly source?: ConfigSource | undefined;
  readonly clock?: Clock;
  /** The catalogue of `config`, where it has been read already, which takes a tenth of a second. */
  readonly catalogue?: OpenCatalogue | undefined;
  /** Set to record streams. */
  readonly recording?: RecordingOptions | undefined;
  /** Set in one of several processes that serve the same ports. */
  readonly worker?: WorkerSurroundings | undefined;
}

/** What a process shares with others that serve the same ports. */
export interface WorkerSurroundings {
  /** The records of all of them, where the configuration names no store. */
  readonly store: StateStore;
  /** How many they are. */
  readonly processes: number;
}

/** Starts a proxy: all of it, or nothing.
 *  @throws SetupError when a file does not load or a port cannot be opened; ConfigError when a policy cannot be used */
export async function startProxy(
  config: Config,
  observer: ProxyObserver,
  { source, clock = systemClock, catalogue, recording, worker }: StartOptions = {},
): Promise<Proxy> {
  const whole = await assemble((parts) =>
    openParts(config, { observer, source, clock, catalogue, recording, worker }, parts),
  );
  return {
    ...whole,
    async close(drainMs = config.timeouts.drainMs) {
      await whole.drain(drainMs);
      await whole.close();
    },
  };
}

interface Surroundings {
  readonly observer: ProxyObserver;
  readonly source: ConfigSource | undefined;
  readonly clock: Clock;
  readonly catalogue: OpenCatalogue | undefined;
  readonly recording: RecordingOptions | undefined;
  readonly worker: WorkerSurroundings | undefined;
}

async function openParts(config: Config, around: Surroundings, parts: Parts): Promise<RunningProxy> {
  const { observer, source, clock, recording: recordingOptions, worker } = around;
  const files = observer.certificates;
  const limits = httpLimits(config.http);
  const { store: state } = parts.track(
    await openState(config, { limits, observer, clock, together: worker?.store }),
  );
  let ledger: Ledger | IntervalsWithoutLedger | undefined;
  const records: { changed(): void }[] = [];
  const load = parts.track(openLoad(config.overload, observer, worker?.processes));
  const overloaded = (): boolean => load.overloaded() || (ledger?.refuses ?? false);
  const capabilities = await openCapabilities(config, observer.capabilities);
  if (capabilities) parts.track(capabilities);
  const provider =
    config.provider &&
    parts.track(await openProvider(config.provider, { limits, observer: observer.http, files, clock }));
  const { regions, regionOf } = await openPlaces(config, observer, parts);
  const changed = (): void => records.forEach((each) => each.changed());
  const policies = parts.track(openPolicies(config, { ...around, provider, capabilities, changed }));
  const enforcement = new Enforcement({
    policies: policies.inForceFor,
    decided: observer.decisions.add.bind(observer.decisions),
  });
  const inForce = { enforcement, accounts: policies, clock: clock.wall };
  ledger = parts.track(await openLedger(config, { policies, capabilities, observer, clock }));
  const recording =
    recordingOptions &&
    parts.track(await openRecording(config, recordingOptions, { policies, observer, clock }));
  records.push(ledger, ...(recording === undefined ? [] : [recording]));
  const signals = parts.track(
    await openSignals(config, {
      enforcement,
      regionOf,
      policyDigest: (gatekeeper) => policies.scopeOf(gatekeeper).digest,
      observer,
      clock,
    }),
  );
  const report = { report: files, clock };
  const certificates = parts.track(await openCertificates('certificates', config.certificates, report));
  const { supportCodes } = parts.track(openSupportCodes(config.limits, clock));
  const scanning = createScanning(config, policies.names);
  const authentication = provider && authenticationBy(provider, config, supportCodes, observer);
  const { stages, chat } = stagesOf(config, { authentication, capabilities, names: policies.names, inForce });
  const dialling = { ...scanning, files, signals, chat, clock };
  const gatekeepers = parts.track(await openGatekeepers(config, dialling));
  const filterHeader = headerPolicy(inForce);
  const edge = { certificates, signals, overloaded, sharedPorts: worker !== undefined, observer, clock };
  const between = { scanning, gatekeepers, stages, filterHeader, regionOf, supportCodes, state };
  const { server } = parts.track(await createStreams(config, { ...edge, ...between, tap: recording?.tap }));
  const { messageBytesMax } = scanning;
  const plane = { ...edge, provider, limits, state, inForce, regions, server, messageBytesMax };
  const http = config.http && parts.track(await openHttp(config, config.http, plane));
  parts.track(await watchRestartFiles(config, { source, report: (report) => observer.restart(report) }));

  const ports = await server.start();
  reportVisibility(config, server, observer);
  return {
    streams: server,
    ports,
    httpPort: http?.port,
    policies,
    supportCodes,
    profilesDigest: () => capabilities?.digest(),
    exposure: exposureFrom(config, { policies, capabilities, observer, clock }, ledger),
  };
}

/** Opens the table of regions, where there is one. */
async function openPlaces(
  { regions: section }: Config,
  observer: ProxyObserver,
  parts: Parts,
): Promise<{ regions: Regions | undefined; regionOf: RegionOf }> {
  const regions =
    section && parts.track(await openRegions(section, { report: (report) => observer.regions(report) }));
  return { regions, regionOf: ({ client }) => regions?.of(client?.reveal().address) };
}

function reportVisibility({ listeners }: Config, server: StreamServer, observer: ProxyObserver): void {
  for (const [index, visibility] of server.synVisibilities.entries()) {
    const listener = listeners[index]!;
    observer.signals.synVisibility(listener.name, synVisibilityOf(listener, visibility));
  }
}

async function openRecording(
  { gatekeepers }: Config,
  options: RecordingOptions,
  { policies, observer, clock }: Pick<LedgerParts, 'policies' | 'observer' | 'clock'>,
): Promise<Recording> {
  const names = gatekeepers.map(({ name }) => name);
  const report: ProxyObserver['recording'] = (event) => observer.recording(event);
  return await Recording.open(options, { gatekeepers: names, policies, report, clock });
}

interface LedgerParts extends Pick<Surroundings, 'observer' | 'clock'> {
  readonly policies: PolicyRuntime;
  readonly capabilities: Capabilities | undefined;
}

async function openLedger(
  config: Config,
  { policies, capabilities, observer, clock }: LedgerParts,
): Promise<Ledger | IntervalsWithoutLedger> {
  if (config.ledger === undefined) return new IntervalsWithoutLedger(observer.decisions);
  const names = config.gatekeepers.map(({ name }) => name);
  return await Ledger.open(config.ledger, {
    source: exposureSource(observer.decisions),
    inForce: () => inForceAt(names, policies, capabilities?.digest()),
    report: (failure) => observer.ledger(failure),
    now: clock.wall,
  });
}

function exposureFrom(
  config: Config,
  { policies, capabilities, observer, clock }: LedgerParts,
  ledger: ExposureParts['ledger'],
): () => ExposureDocument {
  const gatekeepers = config.gatekeepers.map(({ name }) => name);
  // Reads every file of the code, so it waits for the first question.
  let build: ExposureDocument['build'] | undefined;
  return () =>
    exposureOf({
      counts: observer.decisions,
      gatekeepers,
      policies,
      profilesDigest: () => capabilities?.digest(),
      ledger,
      build: (build ??= { version: productVersion(), digest: buildDigest() }),
      now: clock.wall,
      rowsMax: config.admin.exposureRowsMax,
    });
}

interface PolicyParts extends Pick<Surroundings, 'observer' | 'clock' | 'catalogue'> {
  /** Called after other policies came into force. */
  readonly changed: () => void;
  readonly provider: Provider | undefined;
  readonly capabilities: Capabilities | undefined;
}

function openPolicies(
  config: Config,
  { provider, capabilities, observer, clock, catalogue, changed }: PolicyParts,
): PolicyRuntime {
  const policies = openPolicyRuntime({
    config: config.policy,
    catalogue,
    gatekeepers: config.gatekeepers,
    media: createMediaAddresses(config, provider?.mediaTokens),
    ...(capabilities && { vocabulary: capabilities.vocabulary }),
    knowable: (gatekeepers) => knowableOf(config, gatekeepers),
    report: (report) => {
      observer.policy(report);
      changed();
    },
    clock: clock.wall,
  });
  observer.policySessions(() => policies.sessions());
  return policies;
}

function authenticationBy(
  { ownership }: Provider,
  config: Config,
  supportCodes: SupportCodes,
  observer: ProxyObserver,
): TokenAuthenticationOptions {
  return tokenAuthentication(config, ownership, {
    concluded: observer.reauthenticated,
    supportCode: (code) => supportCodes.note('authenticating', code),
  });
}

interface StageParts {
  readonly authentication: TokenAuthenticationOptions | undefined;
  readonly capabilities: Capabilities | undefined;
  readonly names: Names;
  readonly inForce: Omit<PolicyStageOptions, 'random'>;
}

/** The stages of sessions by protocol, in the order of the pipeline. */
interface Stages {
  /** Of sessions that speak XMPP on both sides. */
  readonly stages: readonly StageFactory[];
  /** Undefined without a provider: no session is on the chat channel then. */
  readonly chat: GatekeepersOptions['chat'];
}

function stagesOf(config: Config, { authentication, capabilities, names, inForce }: StageParts): Stages {
  const policy = policyStage({ ...inForce, random: unpredictable });
  const declared = capabilities?.stages(names) ?? [];
  // On the chat channel nothing is advertised; what a client receives is filtered all the same.
  const filters = declared.filter(({ name }) => name === 'content-filter');
  const chat = authentication && {
    authentication,
    stages: inStageOrder([chatGuard, ...filters, policy]),
    profileReadsReceipts: (...of: Parameters<Capabilities['receivesReadReceipts']>) =>
      capabilities?.receivesReadReceipts(...of),
  };
  const stages = inStageOrder([
    negotiationGuard,
    streamLimitsStage(announcedLimits(config)),
    channelBindingGuard,
    boundTokens,
    bearerFailureGuard,
    ...reauthenticationStages(config, authentication),
    ...declared,
    policy,
  ]);
  return { stages, chat };
}
