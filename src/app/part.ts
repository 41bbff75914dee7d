/** What the parts of the HTTP plane share while it is put together. */
import type { Config } from '../config/schema.ts';
import type { Report } from '../http/events.ts';
import type { HttpPolicy } from '../http/http-policy.ts';
import { defaultHttpLimits, type HttpLimits } from '../http/limits.ts';
import type { JsonObject } from '../http/strict-json.ts';
import type { ConnectionRefusal } from '../observability/http-words.ts';
import type { CertificateReport, CertificateStore } from '../transport/certificates.ts';
import type { ReloadReport } from '../transport/reloading.ts';
import type { HttpSignals } from './parts/signals.ts';

/** Whoever hears of it: what happened, and what became of changed files. */
export interface HttpObserver {
  readonly report: Report;
  /** A connection that did not get as far as a request. */
  refused(why: ConnectionRefusal): void;
  /** Media addresses are sealed with a secret that ends with this process. */
  ephemeralMediaKey(): void;
}

/** What the HTTP plane shares with the streams. */
export interface HttpOptions {
  readonly observer: HttpObserver;
  readonly certificateReport: (report: CertificateReport | ReloadReport) => void;
  readonly policy: HttpPolicy;
  readonly overloaded: () => boolean;
  /** The certificates at the top of the file. */
  readonly certificates: CertificateStore;
  /** What clients' connections look like, and how that is told. */
  readonly signals: HttpSignals;
  /** Our own keys for the gatekeeper, public members only. */
  readonly attestationKeys: () => readonly JsonObject[];
}

/** Limits of the file over those that are not in it. */
export function limitsOf({ http }: Config): HttpLimits {
  return { ...defaultHttpLimits, ...http?.limits };
}

/** A path below the public base URL. */
export function below(publicUrl: string, path: string): URL {
  return new URL(`${publicUrl.replace(/\/$/, '')}/${path}`);
}

/** Milliseconds of a clock that does not go back. */
export function monotonic(): number {
  return performance.now();
}

/** Something that is let go of in the end, and may read its files again before. */
export interface Closable {
  close(): void;
  refresh?(): Promise<void> | void;
}

/** Remembers what has to be closed. */
export function kept<T extends Closable>(open: Closable[], resource: T): T {
  open.push(resource);
  return resource;
}

/** The last one opened first. */
export function closeAll(open: readonly Closable[]): void {
  for (const resource of open.toReversed()) resource.close();
}

/** Has every part read its files again. */
export async function refreshAll(open: readonly Closable[]): Promise<void> {
  await Promise.all(open.map(async (resource) => resource.refresh?.()));
}
