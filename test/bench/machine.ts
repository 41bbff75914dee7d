/** The machine of a run, in words. */
import { cpus, release } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
}

export function describeMachine(): Machine {
  return {
    cpu: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} processors`,
    kernel: `Linux ${release()}`,
    node: `Node ${process.version}`,
    openssl: `OpenSSL ${process.versions.openssl}`,
  };
}
