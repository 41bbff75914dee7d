/** Compares strings by the octets of their UTF-8 encoding: the `i;octet` collation (RFC 4790 §9.3) of XEP-0115 and
 *  XEP-0390. JavaScript's own order compares UTF-16 code units, which puts astral characters before U+E000 to
 *  U+FFFF. */
export function compareOctets(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** Compares lists item by item; a list comes before its own extensions. */
export function compareOctetLists(a: readonly string[], b: readonly string[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const order = compareOctets(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
