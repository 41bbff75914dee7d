/** Metrics of the public HTTP port. */
import type { Counter, Histogram } from 'prom-client';
import {
  connectionRefusals,
  http2Codes,
  httpCodes,
  httpRoutes,
  mediaEnds,
  statusClasses,
  type ConnectionRefusal,
  type Http2Code,
  type HttpCode,
  type HttpRoute,
  type MediaEnd,
} from './http-words.ts';
import type { MetricName } from './metric-table.ts';

export interface HttpMetrics {
  /** @param status of the answer */
  readonly answered: (route: HttpRoute, status: number, seconds: number) => void;
  readonly refused: (code: HttpCode) => void;
  readonly http2Refused: (code: Http2Code) => void;
  readonly connectionRefused: (reason: ConnectionRefusal) => void;
  readonly pushDelivered: () => void;
  readonly mediaEnded: (end: MediaEnd, bytes: number) => void;
  /** @param claim a registered name, or `other` */
  readonly claimUnlisted: (claim: string) => void;
}

export interface MetricMakers {
  readonly counter: (name: MetricName) => Counter;
  readonly histogram: (name: MetricName) => Histogram;
}

/** Makes the metrics; those with closed labels start at zero. */
export function createHttpMetrics({ counter, histogram }: MetricMakers): HttpMetrics {
  const requests = counter('narthex_http_requests_total');
  const durations = histogram('narthex_http_request_duration_seconds');
  const refusals = counter('narthex_http_refusals_total');
  const protocol = counter('narthex_http_protocol_refusals_total');
  const connections = counter('narthex_http_connection_refusals_total');
  const deliveries = counter('narthex_push_deliveries_total');
  const downloads = counter('narthex_media_downloads_total');
  const bytesRelayed = counter('narthex_media_bytes_total');
  const claims = counter('narthex_token_claims_unlisted_total');
  for (const route of httpRoutes) for (const status of statusClasses) requests.inc({ route, status }, 0);
  for (const code of httpCodes) refusals.inc({ code }, 0);
  for (const code of http2Codes) protocol.inc({ code }, 0);
  for (const reason of connectionRefusals) connections.inc({ reason }, 0);
  for (const outcome of mediaEnds) downloads.inc({ outcome }, 0);
  return {
    answered(route, status, seconds) {
      requests.inc({ route, status: `${Math.floor(status / 100)}xx` });
      durations.observe({ route }, seconds);
    },
    refused: (code) => refusals.inc({ code }),
    http2Refused: (code) => protocol.inc({ code }),
    connectionRefused: (reason) => connections.inc({ reason }),
    pushDelivered: () => deliveries.inc(),
    mediaEnded(outcome, bytes) {
      downloads.inc({ outcome });
      bytesRelayed.inc(bytes);
    },
    claimUnlisted: (claim) => claims.inc({ claim }),
  };
}
