/** Builds SYN packets, for tests that need one that no stack sends. */

export interface SynParts {
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** Flags and fragment offset of the IPv4 header. */
  readonly fragment?: number;
  readonly ipOptions?: readonly number[];
  readonly protocol?: number;
  readonly totalBytes?: number;
  readonly flow?: number;
  /** Extension headers, the first of this type; each tells the next. */
  readonly extensionHeaders?: readonly (readonly [number, readonly number[]])[];
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly reserved?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly urgent?: number;
  /** Of TCP, whole words. */
  readonly options?: readonly number[];
  readonly payload?: readonly number[];
}

export const mss = (bytes: number): number[] => [2, 4, bytes >> 8, bytes & 255];
export const linuxOptions = [...mss(1460), 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];

function tcp(parts: SynParts): Buffer {
  const { options = linuxOptions, payload = [] } = parts;
  const header = Buffer.alloc(20);
  header.writeUInt16BE(40_000, 0);
  header.writeUInt16BE(5222, 2);
  header.writeUInt32BE(parts.sequence ?? 0x1020304, 4);
  header.writeUInt32BE(parts.acknowledgement ?? 0, 8);
  header.writeUInt8(((5 + options.length / 4) << 4) | (parts.reserved ?? 0), 12);
  header.writeUInt8(parts.flags ?? 2, 13);
  header.writeUInt16BE(parts.window ?? 64_240, 14);
  header.writeUInt16BE(parts.urgent ?? 0, 18);
  return Buffer.concat([header, Buffer.from(options), Buffer.from(payload)]);
}

export function syn4(parts: SynParts = {}): Buffer {
  const { ipOptions = [] } = parts;
  const segment = tcp(parts);
  const header = Buffer.alloc(20 + ipOptions.length);
  header.writeUInt8(0x40 | (header.length / 4), 0);
  header.writeUInt8(parts.tos ?? 0, 1);
  header.writeUInt16BE(parts.totalBytes ?? header.length + segment.length, 2);
  header.writeUInt16BE(parts.id ?? 7, 4);
  header.writeUInt16BE(parts.fragment ?? 0x4000, 6);
  header.writeUInt8(parts.ttl ?? 64, 8);
  header.writeUInt8(parts.protocol ?? 6, 9);
  header.set(ipOptions, 20);
  return Buffer.concat([header, segment]);
}

export function syn6(parts: SynParts = {}): Buffer {
  const segment = tcp(parts);
  const extensions = parts.extensionHeaders ?? [];
  const chain = [...extensions.map(([type]) => type), parts.protocol ?? 6];
  const bodies = extensions.map(([, rest], index) => Buffer.from([chain[index + 1]!, ...rest]));
  const payload = Buffer.concat([...bodies, segment]);
  const header = Buffer.alloc(40);
  header.writeUInt32BE(0x60000000 + (parts.tos ?? 0) * 0x100000 + (parts.flow ?? 0), 0);
  header.writeUInt16BE(parts.totalBytes ?? payload.length, 4);
  header.writeUInt8(chain[0]!, 6);
  header.writeUInt8(parts.ttl ?? 64, 7);
  return Buffer.concat([header, payload]);
}
