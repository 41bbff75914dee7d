/** Metrics in Prometheus form. Only this folder uses prom-client, with a registry of its own.
 *
 *  Events of a session go to prom-client directly. Events of a stanza are counted in plain integers, which the
 *  metrics read when they are collected: `inc` joins the labels into a key each time, even on a child of `labels()`
 *  (250 ns measured either way), and stanzas far outnumber scrapes. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Direction } from '../stanza/direction.ts';
import { directions } from '../stanza/direction.ts';
import { stanzaKinds, type StanzaKind } from '../stanza/protocol.ts';
import type { CertificateUse } from './certificate-uses.ts';
import { DecisionCounts, decisionTotalsMax, type DecisionTotal } from './decision-counts.ts';
import type { DialCause } from '../errors/causes.ts';
import { streamErrors, type StreamErrorCode } from '../errors/stream.ts';
import { type CloseReason, closeReasons, type LimitedEvent, limitedEvents } from './events.ts';
import { fileParts, type FilePart } from './file-states.ts';
import type { MetricsSnapshot } from './aggregate.ts';
import type { Label } from './label.ts';
import { createHttpMetrics, type HttpMetrics } from './http-metrics.ts';
import { type MetricName, metricTable, type Together } from './metric-table.ts';
import type { ReauthenticationOutcome } from './reauthentication-outcomes.ts';
import { createStateMetrics, type StateMetrics } from './state-metrics.ts';

/** Running totals of one direction, which the relay adds to. */
interface Traffic extends Record<StanzaKind, number> {
  bytes: number;
}

type Side = 'client' | 'gatekeeper';
/** Limits of the process that a metric can be compared with: sessions, resumable streams, and their memory. */
type ShownLimit = 'connectionsMax' | 'resumptionsMax' | 'resumptionBytesMax';
type ReloadOutcome = 'replaced' | 'rejected';

export interface Metrics {
  readonly contentType: string;
  /** Returns the text that Prometheus scrapes. */
  readonly text: () => Promise<string>;
  /** Returns the series of one counter or gauge. */
  readonly values: (name: MetricName) => Promise<readonly MetricSeries[]>;
  /** Returns the same as data, to be added up with that of other processes (`aggregate.ts`). */
  readonly snapshot: () => Promise<MetricsSnapshot>;
  /** Totals of the process by direction: add to them, never subtract. */
  readonly traffic: Readonly<Record<Direction, Traffic>>;
  /** Bytes of padding by direction: add to them, never subtract. */
  readonly padding: Record<Direction, number>;
  /** @param what the stanza that waited
   *  @param seconds how long */
  readonly waited: (what: 'answer' | Exclude<StanzaKind, 'nonza'>, seconds: number) => void;
  readonly equalised: (outcome: 'matched' | 'unmatched' | 'dropped') => void;
  readonly paced: (side: Side, resource: 'stanzas' | 'bytes' | 'padding') => void;
  readonly overloaded: (now: boolean) => void;
  readonly ledgerFailing: (now: boolean) => void;
  readonly recording: (now: boolean) => void;
  readonly logLineSuppressed: (event: LimitedEvent) => void;
  readonly logFailed: () => void;
  /** Draining began. */
  readonly draining: () => void;
  /** Shows the configured limits of the process, by their names in narthex.yaml. */
  readonly limitsAre: (limits: Readonly<Record<ShownLimit, number>>) => void;
  readonly spansDropped: (reason: 'queue' | 'delivery', spans: number) => void;
  /** Sets the function that returns at a scrape how many spans wait for delivery. */
  readonly watchSpans: (waiting: () => number) => void;
  /** Sets the function that returns the size of the resumption store at a scrape. */
  readonly watchResumptions: (size: () => { readonly streams: number; readonly bytes: number }) => void;
  readonly sessionOpened: (listener: Label) => void;
  /** @param seconds from opening to end */
  readonly sessionClosed: (reason: CloseReason, seconds: number) => void;
  readonly refused: (code: StreamErrorCode) => void;
  readonly dialled: (gatekeeper: Label, outcome: 'connected' | 'failed', seconds: number) => void;
  /** @param cause `proxy` where the proxy itself could not go on. */
  readonly dialFailed: (gatekeeper: Label, cause: DialCause | 'proxy') => void;
  readonly handshaken: (side: Side, seconds: number) => void;
  readonly reauthenticated: (gatekeeper: Label, outcome: ReauthenticationOutcome) => void;
  readonly certificatesReloaded: (outcome: ReloadOutcome) => void;
  /** @param seconds since 1970 */
  readonly certificateExpires: (use: CertificateUse, certificate: Label, seconds: number) => void;
  /** Sets the function that returns the starts of all signing keys at a scrape, in seconds since 1970. */
  readonly watchSigningKeys: (starts: () => readonly number[]) => void;
  readonly policyReloaded: (outcome: ReloadOutcome) => void;
  readonly policyEnforced: (gatekeeper: Label, enforced: boolean) => void;
  /** @param count asked at each scrape */
  readonly watchPolicySessions: (count: CountSessions) => void;
  /** @param count asked at each scrape. One for each section of capabilities. */
  readonly watchProfileSessions: (count: CountSessions) => void;
  readonly reloadPending: (part: FilePart, isPending: boolean) => void;
  /** Files of this part were put in force now. */
  readonly reloadSucceeded: (part: FilePart) => void;
  /** Decisions of the policies since the start. */
  readonly decisions: DecisionCounts;
  readonly capabilitiesReloaded: (outcome: ReloadOutcome) => void;
  readonly capabilitiesAsked: (whom: 'client' | 'contact') => void;
  readonly capabilitiesAnswered: () => void;
  readonly presenceHeld: () => void;
  /** @param kind a name of the content-kind table */
  readonly contentRefused: (action: 'bounce' | 'drop' | 'fallback', kind: Label) => void;
  /** @param field its name in the catalogue
   *  @param outcome its observer, or why it is absent */
  readonly signalCaptured: (field: `conn.${string}`, outcome: Label) => void;
  readonly attested: (gatekeeper: Label, carrier: Label, outcome: Label) => void;
  readonly proxyFieldsIgnored: (listener: Label, count: number) => void;
  readonly signingKeysReloaded: (outcome: ReloadOutcome) => void;
  readonly http: HttpMetrics;
  readonly state: StateMetrics;
}

/** One combination of labels of a metric. */
export interface MetricSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricsOptions {
  /** Version of the product, for narthex_build_info. */
  readonly version: string;
  /** Whether to add the metrics of prom-client about CPU, memory, event loop and garbage collection, under the names
   *  that every dashboard for Node.js knows: `process_` and `nodejs_`. */
  readonly processMetrics: boolean;
  /** Most series of decisions. */
  readonly decisionSeriesMax?: number;
  /** Returns milliseconds since 1970. */
  readonly now?: () => number;
}

/** Makes all metrics. Those with closed labels start at zero, so that a rate exists before the first event. */
export function createMetrics({
  version,
  processMetrics,
  decisionSeriesMax = decisionTotalsMax,
  now = Date.now,
}: MetricsOptions): Metrics {
  const registry = new Registry();
  // Observes garbage collection and the event loop for the life of the process.
  if (processMetrics) collectDefaultMetrics({ register: registry });

  // Processes that serve the same ports add up to their number.
  gauge(registry, 'narthex_workers').set(1);
  counter(registry, 'narthex_worker_restarts_total').inc(0);
  gauge(registry, 'narthex_build_info').set({ version, node: process.version }, 1);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    values: (name) => seriesOf(registry, name),
    snapshot: () => registry.getMetricsAsJSON(),
    ...streamMetrics(registry),
    ...sessionMetrics(registry),
    ...processMetricsOf(registry),
    ...spanMetrics(registry),
    ...policyMetrics(registry, decisionSeriesMax, now),
    ...reloadMetrics(registry, now),
    ...capabilityMetrics(registry),
    ...signalMetrics(registry),
    ...expiryMetrics(registry, now),
    http: createHttpMetrics({
      counter: (name) => counter(registry, name),
      histogram: (name) => histogram(registry, name),
    }),
    state: createStateMetrics({
      counter: (name) => counter(registry, name),
      gauge: (name) => gauge(registry, name),
      histogram: (name) => histogram(registry, name),
    }),
  };
}

async function seriesOf(registry: Registry, name: MetricName): Promise<readonly MetricSeries[]> {
  const { values } = await registry.getSingleMetric(name)!.get();
  return values.map(({ labels, value }) => ({
    labels: Object.fromEntries(Object.entries(labels).map(([key, each]) => [key, String(each)])),
    value,
  }));
}

/** Makes the totals of bytes and stanzas, and of what delays them. */
function streamMetrics(
  registry: Registry,
): Pick<Metrics, 'traffic' | 'padding' | 'paced' | 'waited' | 'equalised'> {
  const traffic = { 'to-gatekeeper': noTraffic(), 'to-client': noTraffic() };
  const padding = { 'to-gatekeeper': 0, 'to-client': 0 };
  countTraffic(registry, traffic);
  counter(registry, 'narthex_padding_bytes_total', (bytes) => {
    for (const direction of directions) bytes.inc({ direction }, padding[direction]);
  });
  const pauses = counter(registry, 'narthex_read_pauses_total');
  for (const resource of ['stanzas', 'bytes', 'padding']) pauses.inc({ side: 'client', resource }, 0);
  pauses.inc({ side: 'gatekeeper', resource: 'padding' }, 0);
  const waits = histogram(registry, 'narthex_stanza_wait_seconds');
  for (const what of ['answer', ...stanzaKinds]) waits.zero({ kind: what });
  const answers = counter(registry, 'narthex_equalised_answers_total');
  for (const outcome of ['matched', 'unmatched', 'dropped']) answers.inc({ outcome }, 0);
  return {
    traffic,
    padding,
    paced: (side, resource) => pauses.inc({ side, resource }),
    waited: (what, seconds) => waits.observe({ kind: what }, seconds),
    equalised: (outcome) => answers.inc({ outcome }),
  };
}

type SessionMetrics =
  | 'sessionOpened'
  | 'sessionClosed'
  | 'refused'
  | 'dialled'
  | 'dialFailed'
  | 'handshaken'
  | 'reauthenticated'
  | 'watchResumptions';

/** Makes the metrics about starts and ends of sessions. */
function sessionMetrics(registry: Registry): Pick<Metrics, SessionMetrics> {
  const sessions = gauge(registry, 'narthex_sessions');
  const opened = counter(registry, 'narthex_sessions_total');
  const closes = counter(registry, 'narthex_session_closes_total');
  const durations = histogram(registry, 'narthex_session_duration_seconds');
  const refusals = counter(registry, 'narthex_refusals_total');
  const dials = histogram(registry, 'narthex_dial_duration_seconds');
  const up = gauge(registry, 'narthex_gatekeeper_up');
  const dialFailures = counter(registry, 'narthex_dial_failures_total');
  const handshakes = histogram(registry, 'narthex_handshake_duration_seconds');
  const reauthentications = counter(registry, 'narthex_reauthentications_total');
  let resumptions = noResumptions;
  gauge(registry, 'narthex_resumable_streams', (streams) => streams.set(resumptions().streams));
  gauge(registry, 'narthex_resumable_stream_bytes', (bytes) => bytes.set(resumptions().bytes));
  for (const reason of closeReasons) closes.inc({ reason }, 0);
  for (const code of Object.keys(streamErrors)) refusals.inc({ code }, 0);
  for (const side of ['client', 'gatekeeper']) handshakes.zero({ side });
  return {
    sessionOpened(listener) {
      sessions.inc();
      opened.inc({ listener });
    },
    sessionClosed(reason, seconds) {
      sessions.dec();
      closes.inc({ reason });
      durations.observe(seconds);
    },
    refused: (code) => refusals.inc({ code }),
    dialFailed: (gatekeeper, cause) => dialFailures.inc({ gatekeeper, cause }),
    dialled(gatekeeper, outcome, seconds) {
      dials.observe({ gatekeeper, outcome }, seconds);
      up.set({ gatekeeper }, outcome === 'connected' ? 1 : 0);
    },
    handshaken: (side, seconds) => handshakes.observe({ side }, seconds),
    reauthenticated: (gatekeeper, outcome) => reauthentications.inc({ gatekeeper, outcome }),
    watchResumptions: (size) => (resumptions = size),
  };
}

/** Makes the metrics about load. */
function processMetricsOf(
  registry: Registry,
): Pick<
  Metrics,
  'overloaded' | 'ledgerFailing' | 'recording' | 'logLineSuppressed' | 'logFailed' | 'draining' | 'limitsAre'
> {
  const draining = gauge(registry, 'narthex_draining');
  const limits = gauge(registry, 'narthex_limit');
  const overloaded = gauge(registry, 'narthex_overloaded');
  const ledgerFailing = gauge(registry, 'narthex_ledger_failing');
  const recording = gauge(registry, 'narthex_recording');
  const suppressed = counter(registry, 'narthex_log_lines_suppressed_total');
  for (const event of limitedEvents) suppressed.inc({ event }, 0);
  const failures = counter(registry, 'narthex_log_failures_total');
  return {
    overloaded: (now) => overloaded.set(now ? 1 : 0),
    ledgerFailing: (now) => ledgerFailing.set(now ? 1 : 0),
    recording: (now) => recording.set(now ? 1 : 0),
    logLineSuppressed: (event) => suppressed.inc({ event }),
    logFailed: () => failures.inc(),
    draining: () => draining.set(1),
    limitsAre(configured) {
      for (const [limit, value] of Object.entries(configured)) limits.set({ limit }, value);
    },
  };
}

/** Makes the metrics about spans on their way to the collector. */
function spanMetrics(registry: Registry): Pick<Metrics, 'spansDropped' | 'watchSpans'> {
  const dropped = counter(registry, 'narthex_spans_dropped_total');
  for (const reason of ['queue', 'delivery']) dropped.inc({ reason }, 0);
  let waiting: (() => number) | undefined;
  gauge(registry, 'narthex_spans_waiting', (spans) => spans.set(waiting?.() ?? 0));
  return {
    spansDropped: (reason, spans) => dropped.inc({ reason }, spans),
    watchSpans: (watched) => (waiting = watched),
  };
}

/** Makes the metrics about the decisions of policies, and their sessions. */
function policyMetrics(
  registry: Registry,
  decisionSeriesMax: number,
  now: () => number,
): Pick<Metrics, 'decisions' | 'policyEnforced' | 'watchPolicySessions'> {
  const decisions = new DecisionCounts(now);
  countDecisions(registry, decisions, decisionSeriesMax);
  const enforced = gauge(registry, 'narthex_policy_enforced');
  let sessions: CountSessions | undefined;
  gauge(registry, 'narthex_policy_sessions', (counted) =>
    countSessions(counted, sessions === undefined ? [] : [sessions]),
  );
  return {
    decisions,
    watchPolicySessions: (count) => (sessions = count),
    policyEnforced: (gatekeeper, isEnforced) => enforced.set({ gatekeeper }, isEnforced ? 1 : 0),
  };
}

type ReloadMetrics =
  | 'certificatesReloaded'
  | 'policyReloaded'
  | 'capabilitiesReloaded'
  | 'signingKeysReloaded'
  | 'reloadPending'
  | 'reloadSucceeded';

/** Makes the metrics about changed files. */
function reloadMetrics(registry: Registry, now: () => number): Pick<Metrics, ReloadMetrics> {
  const certificates = counter(registry, 'narthex_certificate_reloads_total');
  const policies = counter(registry, 'narthex_policy_reloads_total');
  const capabilities = counter(registry, 'narthex_capability_reloads_total');
  const signingKeys = counter(registry, 'narthex_signing_key_reloads_total');
  const pending = gauge(registry, 'narthex_reload_pending');
  const succeeded = gauge(registry, 'narthex_reload_last_success_seconds');
  for (const outcome of ['replaced', 'rejected'])
    for (const each of [certificates, policies, capabilities, signingKeys]) each.inc({ outcome }, 0);
  for (const part of fileParts) pending.set({ part }, 0);
  return {
    certificatesReloaded: (outcome) => certificates.inc({ outcome }),
    policyReloaded: (outcome) => policies.inc({ outcome }),
    capabilitiesReloaded: (outcome) => capabilities.inc({ outcome }),
    signingKeysReloaded: (outcome) => signingKeys.inc({ outcome }),
    reloadPending: (part, isPending) => pending.set({ part }, isPending ? 1 : 0),
    reloadSucceeded: (part) => succeeded.set({ part }, now() / 1_000),
  };
}

/** How many sessions share labels. */
type CountSessions = () => readonly {
  readonly labels: Readonly<Record<string, Label>>;
  readonly sessions: number;
}[];

/** Sets a gauge to the sum of what is counted under equal labels. Labels of former policies and profiles go. */
function countSessions(counted: Gauge, counts: readonly CountSessions[]): void {
  counted.reset();
  for (const { labels, sessions } of counts.flatMap((count) => count())) counted.inc(labels, sessions);
}

type CapabilityMetrics =
  'capabilitiesAsked' | 'capabilitiesAnswered' | 'presenceHeld' | 'contentRefused' | 'watchProfileSessions';

/** Makes the metrics of the capability stages. */
function capabilityMetrics(registry: Registry): Pick<Metrics, CapabilityMetrics> {
  const asks = counter(registry, 'narthex_capability_asks_total');
  const answers = counter(registry, 'narthex_capability_answers_total');
  const holds = counter(registry, 'narthex_capability_holds_total');
  const content = counter(registry, 'narthex_content_refusals_total');
  for (const whom of ['client', 'contact']) asks.inc({ whom }, 0);
  const profiles: CountSessions[] = [];
  gauge(registry, 'narthex_profile_sessions', (counted) => countSessions(counted, profiles));
  return {
    capabilitiesAsked: (whom) => asks.inc({ whom }),
    capabilitiesAnswered: () => answers.inc(),
    presenceHeld: () => holds.inc(),
    contentRefused: (action, kind) => content.inc({ action, kind }),
    watchProfileSessions: (count) => profiles.push(count),
  };
}

/** Makes the metrics about captured and attested signals. */
function signalMetrics(
  registry: Registry,
): Pick<Metrics, 'signalCaptured' | 'attested' | 'proxyFieldsIgnored'> {
  const captures = counter(registry, 'narthex_signal_captures_total');
  const attestations = counter(registry, 'narthex_attestations_total');
  const ignored = counter(registry, 'narthex_proxy_fields_ignored_total');
  return {
    signalCaptured: (field, outcome) => captures.inc({ field, outcome }),
    proxyFieldsIgnored: (listener, count) => ignored.inc({ listener }, count),
    attested: (gatekeeper, carrier, outcome) => attestations.inc({ gatekeeper, carrier, outcome }),
  };
}

/** Makes the metrics about the ends of certificates and keys. */
function expiryMetrics(
  registry: Registry,
  now: () => number,
): Pick<Metrics, 'certificateExpires' | 'watchSigningKeys'> {
  const certificates = gauge(registry, 'narthex_certificate_not_after_seconds');
  let starts: (() => readonly number[]) | undefined;
  const started = (start: number): boolean => start <= now() / 1_000;
  gauge(registry, 'narthex_signing_key_start_seconds', (start) => {
    const past = starts?.().filter(started) ?? [];
    if (past.length > 0) start.set(Math.max(...past));
  });
  gauge(registry, 'narthex_signing_key_next_start_seconds', (next) => {
    if (starts === undefined) return;
    const future = starts().filter((start) => !started(start));
    next.set(future.length === 0 ? 0 : Math.min(...future));
  });
  return {
    certificateExpires: (use, certificate, seconds) => certificates.set({ use, certificate }, seconds),
    watchSigningKeys: (watched) => (starts = watched),
  };
}

function noResumptions(): { readonly streams: number; readonly bytes: number } {
  return { streams: 0, bytes: 0 };
}

function noTraffic(): Traffic {
  return {
    message: 0,
    presence: 0,
    iq: 0,
    receipt: 0,
    ack: 0,
    notification: 0,
    call: 0,
    chatstate: 0,
    status: 0,
    ib: 0,
    nonza: 0,
    bytes: 0,
  };
}

/** Makes counters that copy the totals at each scrape. */
function countTraffic(registry: Registry, traffic: Readonly<Record<Direction, Traffic>>): void {
  counter(registry, 'narthex_stanzas_total', (stanzas) => {
    for (const direction of directions)
      for (const kind of [...stanzaKinds, 'nonza'] as const)
        stanzas.inc({ direction, kind }, traffic[direction][kind]);
  });
  counter(registry, 'narthex_stream_bytes_total', (bytes) => {
    for (const direction of directions) bytes.inc({ direction }, traffic[direction].bytes);
  });
}

/** Makes counters that copy the totals of decisions at each scrape. Only combinations that occurred are series, the first
 *  `seriesMax` of them; the others are one series, whose labels are all `other`. */
function countDecisions(registry: Registry, decisions: DecisionCounts, seriesMax: number): void {
  const read = (): {
    readonly listed: readonly DecisionTotal[];
    readonly others: readonly DecisionTotal[];
  } => {
    const totals = decisions.totals();
    return { listed: totals.slice(0, seriesMax), others: totals.slice(seriesMax) };
  };
  counter(registry, 'narthex_policy_decisions_total', (counted) => {
    const { listed, others } = read();
    for (const { namespace, count, ...labels } of listed)
      if (namespace === undefined) counted.inc(decisionLabels(labels), count);
    const count = others.reduce((sum, each) => sum + each.count, decisions.overflow);
    if (count > 0) counted.inc(decisionLabels(other), count);
  });
  counter(registry, 'narthex_policy_decision_bytes_total', (counted) => {
    const { listed, others } = read();
    for (const { namespace, bytes, ...labels } of listed)
      if (namespace === undefined && bytes > 0) counted.inc(decisionLabels(labels), bytes);
    const bytes = others.reduce((sum, each) => sum + each.bytes, 0);
    if (bytes > 0) counted.inc(decisionLabels(other), bytes);
  });
  counter(registry, 'narthex_policy_unlisted_total', (unlisted) => {
    for (const { gatekeeper, audience, mode, treatment, namespace, policy, count } of read().listed)
      if (namespace !== undefined)
        unlisted.inc({ gatekeeper, audience, namespace, treatment, mode, policy }, count);
  });
}

type DecisionLabels = Readonly<
  Record<'gatekeeper' | 'audience' | 'field' | 'treatment' | 'mode' | 'policy', string>
>;

const other: DecisionLabels = {
  gatekeeper: 'other',
  audience: 'other',
  field: 'other',
  treatment: 'other',
  mode: 'other',
  policy: 'other',
};

function decisionLabels(all: DecisionLabels): Record<string, string> {
  const { gatekeeper, audience, field, treatment, mode, policy } = all;
  return { gatekeeper, audience, field, treatment, mode, policy };
}

/** Makes a counter.
 *  @param fill called at each scrape, on a counter that was reset */
function counter(registry: Registry, name: MetricName, fill?: (counter: Counter) => void): Counter {
  return new Counter({
    ...definition(registry, name),
    ...(fill !== undefined && {
      collect(this: Counter) {
        this.reset();
        fill(this);
      },
    }),
  });
}

/** Makes a gauge.
 *  @param fill called at each scrape */
function gauge(registry: Registry, name: MetricName, fill?: (gauge: Gauge) => void): Gauge {
  return new Gauge({
    ...definition(registry, name),
    ...(fill && {
      collect() {
        fill(this);
      },
    }),
  });
}

function histogram(registry: Registry, name: MetricName): Histogram {
  const entry = metricTable[name];
  const buckets = 'buckets' in entry ? [...entry.buckets] : [];
  return new Histogram({ ...definition(registry, name), buckets });
}

function definition(
  registry: Registry,
  name: MetricName,
): {
  name: string;
  help: string;
  labelNames: string[];
  aggregator: Together;
  registers: Registry[];
} {
  const entry = metricTable[name];
  const { help, labels } = entry;
  const aggregator = 'together' in entry ? entry.together : 'sum';
  return { name, help, labelNames: [...labels], aggregator, registers: [registry] };
}
