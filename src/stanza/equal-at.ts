/** Whether the bytes from `start` on are those of `known`. The caller has compared their number. A loop, because for
 *  names and addresses a call of anything costs more. */
export function equalAt(bytes: Uint8Array, start: number, known: Uint8Array): boolean {
  for (let i = 0; i < known.length; i += 1) if (bytes[start + i] !== known[i]) return false;
  return true;
}
