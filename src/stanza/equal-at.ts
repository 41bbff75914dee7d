/** Returns whether the bytes from `start` on equal `known`. The caller has checked that there are as many. A loop,
 *  because for names and addresses a call of a native function costs more. */
export function equalAt(bytes: Uint8Array, start: number, known: Uint8Array): boolean {
  for (let i = 0; i < known.length; i += 1) if (bytes[start + i] !== known[i]) return false;
  return true;
}
