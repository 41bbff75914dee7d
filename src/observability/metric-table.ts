/** Every metric as data. METRICS.md, dashboards and alerts are checked against this table.
 *
 *  Names: `narthex_<noun>_<unit>`, base units (seconds, bytes), `_total` on counters. Labels are bounded: a
 *  direction, a kind, a closed code, or a name of the configuration; never a value from the wire. */

export type Together = 'sum' | 'min' | 'max' | 'first';

interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** What one value of several processes is, for gauges; their sum by default. */
  readonly together?: Together;
  /** Upper bounds in seconds, for histograms only. */
  readonly buckets?: readonly number[];
}

const connectSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
const stateSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;
const waitSeconds = [0.1, 0.5, 1, 2, 3, 4, 5, 6, 9, 30, 60] as const;
const sessionSeconds = [1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800] as const;

export const metricTable = {
  narthex_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels tell what runs.',
    together: 'first',
    labels: ['version', 'node'],
  },
  narthex_workers: {
    type: 'gauge',
    help: 'Processes that serve the ports (`serve --workers`). Limits and metrics of the process hold for each.',
    labels: [],
  },
  narthex_worker_restarts_total: {
    type: 'counter',
    help: 'Processes that ended by themselves and were started again.',
    labels: [],
  },
  narthex_sessions: { type: 'gauge', help: 'Sessions open now.', labels: [] },
  narthex_draining: {
    type: 'gauge',
    help: 'Is 1 from the start of draining on, else 0.',
    together: 'max',
    labels: [],
  },
  narthex_limit: {
    type: 'gauge',
    help: 'Configured limits of the process, to compare with what they limit; by the name in narthex.yaml.',
    labels: ['limit'],
  },
  narthex_sessions_total: { type: 'counter', help: 'Sessions opened, by listener.', labels: ['listener'] },
  narthex_session_closes_total: {
    type: 'counter',
    help: 'Sessions ended, by who or what ended them.',
    labels: ['reason'],
  },
  narthex_session_duration_seconds: {
    type: 'histogram',
    help: 'How long sessions lasted.',
    labels: [],
    buckets: sessionSeconds,
  },
  narthex_stanzas_total: {
    type: 'counter',
    help: 'Stanzas and nonzas read and accepted.',
    labels: ['direction', 'kind'],
  },
  narthex_stream_bytes_total: {
    type: 'counter',
    help: 'Bytes of stanzas and nonzas read and accepted, without TLS.',
    labels: ['direction'],
  },
  narthex_padding_bytes_total: {
    type: 'counter',
    help: 'Bytes by which stanzas were filled up, in addition to narthex_stream_bytes_total.',
    labels: ['direction'],
  },
  narthex_stanza_wait_seconds: {
    type: 'histogram',
    help: 'How long stanzas waited before they were sent: answers whose time is equalised, and others by kind.',
    labels: ['kind'],
    buckets: waitSeconds,
  },
  narthex_equalised_answers_total: {
    type: 'counter',
    help: 'Answers whose time is equalised: matched, unmatched and sent at a full minute, or dropped for want of room.',
    labels: ['outcome'],
  },
  narthex_read_pauses_total: {
    type: 'counter',
    help: 'Pauses in reading a side that sent more than its rate, by what it sent too much of.',
    labels: ['side', 'resource'],
  },
  narthex_ledger_failing: {
    type: 'gauge',
    help: 'Is 1 while the exposure ledger cannot be written, else 0. Counts are kept in memory meanwhile.',
    together: 'max',
    labels: [],
  },
  narthex_recording: {
    type: 'gauge',
    help: 'Is 1 while stanzas are recorded to a file (`serve --record`), else 0.',
    together: 'max',
    labels: [],
  },
  narthex_overloaded: {
    type: 'gauge',
    help: 'Is 1 while new sessions and requests are refused because the process does not keep up, else 0.',
    together: 'max',
    labels: [],
  },
  narthex_log_lines_suppressed_total: {
    type: 'counter',
    help: 'Log lines left out because peers without an account caused too many, by event.',
    labels: ['event'],
  },
  narthex_spans_waiting: {
    type: 'gauge',
    help: 'Spans that wait for delivery to the collector, at most 2048.',
    labels: [],
  },
  narthex_spans_dropped_total: {
    type: 'counter',
    help: 'Spans lost: for want of room in the queue, or because their delivery failed.',
    labels: ['reason'],
  },
  narthex_log_failures_total: {
    type: 'counter',
    help: 'Times that standard output could no longer be written, because its disk is full for example.',
    labels: [],
  },
  narthex_resumable_streams: {
    type: 'gauge',
    help: 'Streams whose counts are remembered for resumption (XEP-0198), live ones included.',
    labels: [],
  },
  narthex_resumable_stream_bytes: {
    type: 'gauge',
    help: 'Estimated memory of the streams remembered for resumption.',
    labels: [],
  },
  narthex_state_store_up: {
    type: 'gauge',
    help: 'Is 0 while the store of shared state does not answer, else 1; 1 too where none is configured.',
    together: 'min',
    labels: [],
  },
  narthex_state_operations_total: {
    type: 'counter',
    help: 'Operations on the store of shared state, by what came of them: lost and busy were not sent.',
    labels: ['operation', 'outcome'],
  },
  narthex_state_operation_seconds: {
    type: 'histogram',
    help: 'How long operations on the store of shared state took that were sent.',
    labels: ['operation'],
    buckets: stateSeconds,
  },
  narthex_state_values_refused_total: {
    type: 'counter',
    help: 'Values of the store of shared state that did not open: changed there, or sealed with another secret.',
    labels: ['kind'],
  },
  narthex_refusals_total: {
    type: 'counter',
    help: 'Streams and connections refused or ended with an error, by code (see ERRORS.md).',
    labels: ['code'],
  },
  narthex_dial_duration_seconds: {
    type: 'histogram',
    help: 'Connecting to a gatekeeper, from resolving its name to TLS, by outcome.',
    labels: ['gatekeeper', 'outcome'],
    buckets: connectSeconds,
  },
  narthex_gatekeeper_up: {
    type: 'gauge',
    help: 'Whether the last dial of a gatekeeper connected; absent before the first.',
    together: 'max',
    labels: ['gatekeeper'],
  },
  narthex_dial_failures_total: {
    type: 'counter',
    help: 'Dials of a gatekeeper that failed, by cause.',
    labels: ['gatekeeper', 'cause'],
  },
  narthex_handshake_duration_seconds: {
    type: 'histogram',
    help: 'TLS handshakes that succeeded, by side.',
    labels: ['side'],
    buckets: connectSeconds,
  },
  narthex_reauthentications_total: {
    type: 'counter',
    help: 'Attempts of clients to authenticate to the proxy by a token, by what came of them.',
    labels: ['gatekeeper', 'outcome'],
  },
  narthex_certificate_reloads_total: {
    type: 'counter',
    help: 'Attempts to load changed certificates: replaced, or rejected because the new ones are broken.',
    labels: ['outcome'],
  },
  narthex_certificate_not_after_seconds: {
    type: 'gauge',
    help: 'When a configured certificate expires, in seconds since 1970, by use and by name or place in its list.',
    together: 'min',
    labels: ['use', 'certificate'],
  },
  narthex_signing_key_start_seconds: {
    type: 'gauge',
    help: 'Start of the key that signs attestations now, in seconds since 1970; 0 when its name states none, or without one.',
    together: 'min',
    labels: [],
  },
  narthex_signing_key_next_start_seconds: {
    type: 'gauge',
    help: 'When the next signing key takes over and this one retires, in seconds since 1970; 0 without a next one.',
    together: 'max',
    labels: [],
  },
  narthex_policy_decisions_total: {
    type: 'counter',
    help: 'Decisions on named fields, by gatekeeper, field, audience, treatment and policy; never by value.',
    labels: ['gatekeeper', 'audience', 'field', 'treatment', 'mode', 'policy'],
  },
  narthex_policy_decision_bytes_total: {
    type: 'counter',
    help: 'Bytes of the elements, attributes and texts in stanzas that these decisions were about, as received.',
    labels: ['gatekeeper', 'audience', 'field', 'treatment', 'mode', 'policy'],
  },
  narthex_policy_unlisted_total: {
    type: 'counter',
    help: 'Elements and attributes that the catalogue does not know, by gatekeeper, namespace and policy.',
    labels: ['gatekeeper', 'audience', 'namespace', 'treatment', 'mode', 'policy'],
  },
  narthex_policy_enforced: {
    type: 'gauge',
    help: 'Whether every policy for a gatekeeper is enforced: 0 while one says `mode: shadow` and everything passes unchanged.',
    together: 'min',
    labels: ['gatekeeper'],
  },
  narthex_reload_pending: {
    type: 'gauge',
    help: 'Whether files on disk are not in force (1): they were rejected, or wait for a restart.',
    together: 'max',
    labels: ['part'],
  },
  narthex_reload_last_success_seconds: {
    type: 'gauge',
    help: 'When files were last put in force, at the start or by a reload, in seconds since 1970.',
    together: 'min',
    labels: ['part'],
  },
  narthex_policy_sessions: {
    type: 'gauge',
    help: 'Authenticated sessions open now, by gatekeeper and by the policy that is for their account.',
    labels: ['gatekeeper', 'policy'],
  },
  narthex_profile_sessions: {
    type: 'gauge',
    help: 'Sessions open now, by gatekeeper and by the capability profile that they are shown under.',
    labels: ['gatekeeper', 'profile'],
  },
  narthex_policy_reloads_total: {
    type: 'counter',
    help: 'Attempts to load changed policies: replaced, or rejected because the new ones are broken.',
    labels: ['outcome'],
  },
  narthex_capability_reloads_total: {
    type: 'counter',
    help: 'Attempts to load changed capability profiles: replaced, or rejected because the new ones are broken.',
    labels: ['outcome'],
  },
  narthex_capability_asks_total: {
    type: 'counter',
    help: 'Questions for capabilities (disco#info) of the proxy itself, by the party that was asked.',
    labels: ['whom'],
  },
  narthex_capability_answers_total: {
    type: 'counter',
    help: 'Questions for capabilities (disco#info) answered in place of a client.',
    labels: [],
  },
  narthex_capability_holds_total: {
    type: 'counter',
    help: 'Presences held until their client said what it can do, or for `capabilities.holdMs`.',
    labels: [],
  },
  narthex_content_refusals_total: {
    type: 'counter',
    help: 'Content kept from clients that cannot receive it, by action and kind of content.',
    labels: ['action', 'kind'],
  },
  narthex_signal_captures_total: {
    type: 'counter',
    help: 'Connection signals when TLS was up: who saw them (edge, balancer), or why they are absent.',
    labels: ['field', 'outcome'],
  },
  narthex_proxy_fields_ignored_total: {
    type: 'counter',
    help: 'Fields of PROXY headers ignored because an HMAC was missing, by listener (http: the public HTTP port).',
    labels: ['listener'],
  },
  narthex_attestations_total: {
    type: 'counter',
    help: 'Attestations of connection signals, by gatekeeper, carrier and outcome: sent, or why not.',
    labels: ['gatekeeper', 'carrier', 'outcome'],
  },
  narthex_signing_key_reloads_total: {
    type: 'counter',
    help: 'Attempts to load changed signing keys: replaced, or rejected because the new ones are broken.',
    labels: ['outcome'],
  },
  narthex_http_requests_total: {
    type: 'counter',
    help: 'Requests to the public HTTP port, by route and class of status.',
    labels: ['route', 'status'],
  },
  narthex_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Requests to the public HTTP port, from headers to answer; of a download, to its end.',
    labels: ['route'],
    buckets: connectSeconds,
  },
  narthex_http_refusals_total: {
    type: 'counter',
    help: 'Requests refused, by code (see ERRORS.md).',
    labels: ['code'],
  },
  narthex_http_protocol_refusals_total: {
    type: 'counter',
    help: 'HTTP/2 requests refused without an answer, and connections ended for a fault, by code (see ERRORS.md).',
    labels: ['code'],
  },
  narthex_http_connection_refusals_total: {
    type: 'counter',
    help: 'Connections to the public HTTP port that came to no request, by reason: a limit, or how TLS failed.',
    labels: ['reason'],
  },
  narthex_push_deliveries_total: {
    type: 'counter',
    help: 'Pushes that the provider took; merged notifications count once.',
    labels: [],
  },
  narthex_media_downloads_total: {
    type: 'counter',
    help: 'Downloads with a body, by how they ended.',
    labels: ['outcome'],
  },
  narthex_media_bytes_total: { type: 'counter', help: 'Bytes of media relayed.', labels: [] },
  narthex_token_claims_unlisted_total: {
    type: 'counter',
    help: 'Claims of ownership tokens beyond those allowed, by registered name.',
    labels: ['claim'],
  },
} as const satisfies Record<`narthex_${string}`, MetricDefinition>;

export type MetricName = keyof typeof metricTable;
