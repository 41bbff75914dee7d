/** The part of Protocol Buffers that the simulator uses, written independently of the proxy, so that a test can
 *  compare the two. */

export type FieldValue = number | Uint8Array;

/** Writes fields in the given order. Numbers become varints (below 2^53). */
export function packFields(...fields: readonly (readonly [number, FieldValue])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) =>
      typeof value === 'number'
        ? Buffer.concat([packNumber(number * 8), packNumber(value)])
        : Buffer.concat([packNumber(number * 8 + 2), packNumber(value.length), value]),
    ),
  );
}

/** Parses the fields of a message; of a repeated one the last counts.
 *  @throws Error when the message is cut off */
export function unpackFields(message: Uint8Array): Map<number, FieldValue> {
  const fields = new Map<number, FieldValue>();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('a message of the handshake is cut');
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = number();
    if (key % 8 === 0) fields.set(Math.floor(key / 8), number());
    else {
      const length = key % 8 === 2 ? number() : key % 8 === 5 ? 4 : 8;
      if (at + length > message.length) throw new Error('a message of the handshake is cut');
      fields.set(Math.floor(key / 8), message.subarray(at, (at += length)));
    }
  }
  return fields;
}

/** Returns the bytes of a field.
 *  @throws Error when it is absent */
export function fieldBytes(fields: ReadonlyMap<number, FieldValue>, number: number): Uint8Array {
  const value = fields.get(number);
  if (!(value instanceof Uint8Array)) throw new Error(`a message of the handshake lacks field ${number}`);
  return value;
}

function packNumber(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}
