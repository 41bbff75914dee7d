/** The machine of a run, in words. */
import { cpus, loadavg, release } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  /** Of the minute before: what else the machine did. */
  readonly load: string;
}

/** Call before the run, whose own load would count. */
export function describeMachine(): Machine {
  return {
    cpu: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} processors`,
    kernel: `Linux ${release()}`,
    node: `Node ${process.version}`,
    openssl: `OpenSSL ${process.versions.openssl}`,
    load: `load average ${loadavg()[0]!.toFixed(1)}`,
  };
}
