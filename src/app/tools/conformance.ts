/** The checklist of the published milestones against a deployment, from the files and addresses of a command line. */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { runChecklist } from '../../conformance/checklist.ts';
import type { RowResult } from '../../conformance/row.ts';

export interface ConformanceOptions {
  /** Base address of the public HTTPS port. */
  readonly http: string;
  readonly stream: { readonly host: string; readonly port: number };
  readonly tls: 'starttls' | 'direct';
  readonly domain: string;
  readonly gatekeeper: string;
  readonly tokenFile: string;
  readonly peer: string;
  readonly caFile?: string | undefined;
  readonly media?: string | undefined;
  readonly timeoutMs: number;
}

/** Runs the checklist. The token's file is read for each use, so that another program can renew it.
 *  @throws Error of the file system for a file that cannot be read */
export function runConformance(
  options: ConformanceOptions,
  onResult: (result: RowResult) => void,
): Promise<readonly RowResult[]> {
  const { http, stream, tls, domain, gatekeeper, tokenFile, peer, caFile, media, timeoutMs } = options;
  const ca = caFile === undefined ? rootCertificates.join('\n') : readFileSync(caFile, 'utf8');
  return runChecklist(
    {
      http: http.replace(/\/$/, ''),
      endpoint: { ...stream, tls, domain, ca },
      gatekeeper,
      token: () => readFileSync(tokenFile, 'utf8').trim(),
      peer,
      media,
      timeoutMs,
    },
    onResult,
  );
}
