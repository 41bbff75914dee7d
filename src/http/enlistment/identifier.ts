/** Identifiers of enlistments. A client receives the gatekeeper's name and the gatekeeper's own identifier in
 *  base64url (RFC 4648 §5), so that the proxy stores no mapping. Identifiers from the gatekeeper and from clients
 *  pass the same check. */

/** Bytes of a gatekeeper's identifier in UTF-8. */
export const identifierBytesMax = 384;

/** Returns whether the text can be an enlistment's identifier at the gatekeeper. It becomes one path segment, which
 *  `.` and `..` cannot be (RFC 3986 §5.2.4). */
export function isIdentifier(id: string): boolean {
  if (id === '' || id === '.' || id === '..') return false;
  return id.isWellFormed() && Buffer.byteLength(id) <= identifierBytesMax;
}

/** Returns the identifier for the client. */
export function writeEnlistmentId(gatekeeper: string, id: string): string {
  return `${gatekeeper}~${Buffer.from(id).toString('base64url')}`;
}

/** Reads an identifier of `writeEnlistmentId`.
 *  @returns undefined for any other text */
export function readEnlistmentId(
  text: string,
): { readonly gatekeeper: string; readonly id: string } | undefined {
  const [, gatekeeper, encoded] = /^([\w.-]+)~([\w-]+)$/.exec(text) ?? [];
  if (gatekeeper === undefined || encoded === undefined) return undefined;
  const id = Buffer.from(encoded, 'base64url').toString();
  return isIdentifier(id) && writeEnlistmentId(gatekeeper, id) === text ? { gatekeeper, id } : undefined;
}

/** Returns the URL of one enlistment: a segment below the collection's path, with its query.
 *  @throws RangeError when the URL would be another one; the caller has then not checked `id` */
export function enlistmentUrl(collection: URL, id: string): URL {
  const url = new URL(collection);
  const path = `${collection.pathname.replace(/\/$/, '')}/${encodeURIComponent(id)}`;
  url.pathname = path;
  if (!isIdentifier(id) || url.pathname !== path)
    throw new RangeError('the address is not below its collection');
  return url;
}
