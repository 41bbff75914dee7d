import { quirkOrder, type Syn, type SynOption } from './syn.ts';

/** A SYN in the terms of p0f v3: the properties that distinguish TCP stacks, without a database of signatures.
 *
 *  Where p0f 3.09 deviates from its own description, the description is followed: any acknowledgement number other
 *  than 0 is `ack+`, any byte other than 0 after the end of options is `opt+`, and IPv6 extension headers are read. */
export interface TcpFingerprint {
  /** `ver:ittl:olen:mss:wsize,scale:olayout:quirks:pclass`, as p0f prints `raw_sig`. */
  readonly p0f: string;
  readonly ipVersion: 4 | 6;
  /** Hops, assuming that the stack started at the next usual TTL; undefined when that is too far off. */
  readonly distance: number | undefined;
  /** TTL on arrival plus distance; undefined when the distance is. */
  readonly initialTtl: number | undefined;
  readonly mss: number;
  readonly window: WindowSize;
  readonly windowScale: number;
  /** Option names in order, as in the signature. */
  readonly options: readonly string[];
  readonly quirks: readonly string[];
  readonly payload: boolean;
}

/** A window as bytes, or as the multiple of a segment or packet size by which its stack computed it. */
interface WindowSize {
  readonly unit: 'bytes' | 'mss' | 'mtu';
  readonly count: number;
}

const distanceMax = 35;
const usualTtls = [32, 64, 128, 255] as const;
const mssMin = 100;

export function fingerprintSyn(syn: Syn): TcpFingerprint {
  const distance = usualTtls.find((ttl) => syn.ttl <= ttl)! - syn.ttl;
  const near = distance <= distanceMax;
  const window = windowSize(syn);
  const options = syn.options.map(optionName);
  const quirks = quirkOrder.filter((quirk) => syn.quirks.has(quirk));
  const arrival = `${syn.ipVersion}:${syn.ttl}+${near ? distance : '?'}:${syn.ipOptionBytes}:${syn.mss}`;
  const size = `${window.unit === 'bytes' ? '' : `${window.unit}*`}${window.count},${syn.windowScale}`;
  return {
    p0f: `${arrival}:${size}:${options.join(',')}:${quirks.join(',')}:${syn.payload ? '+' : '0'}`,
    ipVersion: syn.ipVersion,
    distance: near ? distance : undefined,
    initialTtl: near ? syn.ttl + distance : undefined,
    mss: syn.mss,
    window,
    windowScale: syn.windowScale,
    options,
    quirks,
    payload: syn.payload,
  };
}

/** Returns the window in the unit of the first divisor without remainder. Stacks compute windows from the segment
 *  size (some less the 12 bytes of the timestamps option), from that of Ethernet, or from packets. */
function windowSize({ mss, window, ipVersion, timestamped, headerBytes }: Syn): WindowSize {
  const asIs = { unit: 'bytes', count: window } as const;
  if (window === 0 || mss < mssMin) return asIs;
  const ipv6 = ipVersion === 6;
  const divides = (bytes: number): boolean => window % bytes === 0;
  // Divisors that occur twice change nothing.
  const segment = [
    mss, timestamped ? mss - 12 : mss, 1460, 1448, ipv6 ? 1440 : mss, ipv6 ? 1428 : mss,
  ].find(divides); // prettier-ignore
  if (segment !== undefined) return { unit: 'mss', count: window / segment };
  const packet = [mss + 40, mss + headerBytes, ipv6 ? mss + 60 : 1500, 1500].find(divides);
  return packet === undefined ? asIs : { unit: 'mtu', count: window / packet };
}

function optionName(option: SynOption): string {
  if (option.kind === 'eol') return `eol+${option.paddingBytes}`;
  return option.kind === 'unknown' ? `?${option.number}` : option.kind;
}
