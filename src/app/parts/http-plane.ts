/** Objects that the services of the HTTP plane share with each other and with the streams. */
import type { Config } from '../../config/schema.ts';
import type { HttpPolicy } from '../../http/http-policy.ts';
import { defaultHttpLimits, type HttpLimits } from '../../http/limits.ts';
import type { JsonObject } from '../../http/strict-json.ts';
import type { StateStore } from '../../state/store.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport, HttpObserver } from '../observer.ts';
import type { Regions } from './regions.ts';
import type { HttpSignals } from './signals.ts';

export interface HttpPlane {
  /** The public base URL. */
  readonly publicUrl: string;
  readonly limits: HttpLimits;
  readonly observer: HttpObserver;
  /** Receives reports of changed files. */
  readonly files: FilesReport;
  readonly policy: HttpPolicy;
  /** Evidence of clients' connections, and attestations of it. */
  readonly signals: HttpSignals;
  /** Where addresses are; undefined without a table. */
  readonly regions: Regions | undefined;
  /** Returns the attestation keys: public members only. */
  readonly attestationKeys: () => readonly JsonObject[];
  /** Returns whether the process is overloaded; requests are refused then. */
  readonly overloaded: () => boolean;
  /** Nonces, answers and ids of notifications. */
  readonly state: StateStore;
  /** Whether other processes of the product listen to the same port. */
  readonly sharedPorts: boolean;
  readonly clock: Clock;
}

/** Returns the limits of the section `http`, with defaults. */
export function httpLimits(section: Config['http']): HttpLimits {
  return { ...defaultHttpLimits, ...section?.limits };
}

/** Joins a path to the public base URL. */
export function joinUrl(publicUrl: string, path: string): URL {
  return new URL(`${publicUrl.replace(/\/$/, '')}/${path}`);
}
