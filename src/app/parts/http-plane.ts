/** What the services of the HTTP plane share, and what they share with the streams. */
import type { Config } from '../../config/schema.ts';
import type { HttpPolicy } from '../../http/http-policy.ts';
import { defaultHttpLimits, type HttpLimits } from '../../http/limits.ts';
import type { JsonObject } from '../../http/strict-json.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport, HttpObserver } from '../observer.ts';
import type { HttpSignals } from './signals.ts';

export interface HttpPlane {
  /** The public base URL. */
  readonly publicUrl: string;
  readonly limits: HttpLimits;
  readonly observer: HttpObserver;
  /** Hears what became of changed files. */
  readonly files: FilesReport;
  readonly policy: HttpPolicy;
  /** Evidence about clients' connections, and attestations of it. */
  readonly signals: HttpSignals;
  /** The proxy's own keys for the gatekeeper, public members only. */
  readonly attestationKeys: () => readonly JsonObject[];
  /** Whether the process has more to do than it can; requests are refused then. */
  readonly overloaded: () => boolean;
  readonly clock: Clock;
}

/** The limits of the section `http`, with the defaults for those it does not name. */
export function httpLimits(section: Config['http']): HttpLimits {
  return { ...defaultHttpLimits, ...section?.limits };
}

/** Joins a path to the public base URL. */
export function joinUrl(publicUrl: string, path: string): URL {
  return new URL(`${publicUrl.replace(/\/$/, '')}/${path}`);
}
