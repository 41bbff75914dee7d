/** Reports events of the public HTTP port as log lines, metrics and spans. */
import { defectOf } from '../../errors/defect.ts';
import { defectFields } from '../../observability/defect-fields.ts';
import type { HttpEvent } from '../../http/events.ts';
import type { HttpCode } from '../../observability/http-words.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Tracing } from '../../observability/tracing.ts';

export interface HttpTelemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

export function reportHttp(event: HttpEvent, telemetry: HttpTelemetry): void {
  const { log, metrics } = telemetry;
  switch (event.event) {
    case 'answered':
      answered(event, telemetry);
      break;
    case 'http2-refused':
      metrics.http.http2Refused(event.code);
      log.writeLimited('http.protocol-refused', { code: event.code });
      break;
    case 'failed':
      // The error may quote input; its class and place do not.
      log.write('http.failed', { route: event.route, ...defectFields(defectOf(event.error.reveal())) });
      break;
    case 'claims-unlisted':
      for (const claim of event.claims) metrics.http.claimUnlisted(claim);
      log.write('token.claims-unlisted', { claims: event.claims.length });
      break;
    case 'push-delivered':
      metrics.http.pushDelivered();
      log.write('push.delivered', {});
      break;
    default:
      metrics.http.mediaEnded(event.end, event.bytes);
      log.write('media.ended', { outcome: event.end, bytes: event.bytes });
  }
}

function answered(
  { route, status, milliseconds, code }: Extract<HttpEvent, { event: 'answered' }>,
  { log, metrics, tracing }: HttpTelemetry,
): void {
  metrics.http.answered(route, status, milliseconds / 1_000);
  const durationMs = Math.round(milliseconds);
  if (code === undefined) {
    tracing.request({ route, status }, milliseconds);
    log.write('http.answered', { route, status, durationMs });
    return;
  }
  // The public port throws no code of the admin port.
  const problem = code as HttpCode;
  metrics.http.refused(problem);
  tracing.request({ route, status, problem }, milliseconds);
  log.writeLimited('http.refused', { route, status, code: problem, durationMs });
}
