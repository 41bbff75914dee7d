/** Identifiers of enlistments. A client's is the gatekeeper's name and the gatekeeper's own identifier in base64url
 *  (RFC 4648 §5), so that nothing is kept to find it again. What the gatekeeper answers and what a client sends pass
 *  the same check. */

/** Bytes of a gatekeeper's identifier in UTF-8. */
export const identifierBytesMax = 384;

/** Whether an enlistment can have this identifier at the gatekeeper: it becomes one segment of a path, and `.` and `..`
 *  are none (RFC 3986 §5.2.4). */
export function isIdentifier(id: string): boolean {
  if (id === '' || id === '.' || id === '..') return false;
  return id.isWellFormed() && Buffer.byteLength(id) <= identifierBytesMax;
}

/** The identifier that a client is given. */
export function writeEnlistmentId(gatekeeper: string, id: string): string {
  return `${gatekeeper}~${Buffer.from(id).toString('base64url')}`;
}

/** Reads what `writeEnlistmentId` has written; undefined for every other text. */
export function readEnlistmentId(
  text: string,
): { readonly gatekeeper: string; readonly id: string } | undefined {
  const [, gatekeeper, encoded] = /^([\w.-]+)~([\w-]+)$/.exec(text) ?? [];
  if (gatekeeper === undefined || encoded === undefined) return undefined;
  const id = Buffer.from(encoded, 'base64url').toString();
  return isIdentifier(id) && writeEnlistmentId(gatekeeper, id) === text ? { gatekeeper, id } : undefined;
}

/** The address of one enlistment: a segment below the collection's path, under its query.
 *  @throws RangeError when the address would be another one: a fault of the caller, which has not checked `id`. */
export function enlistmentUrl(collection: URL, id: string): URL {
  const url = new URL(collection);
  const path = `${collection.pathname.replace(/\/$/, '')}/${encodeURIComponent(id)}`;
  url.pathname = path;
  if (!isIdentifier(id) || url.pathname !== path)
    throw new RangeError('the address is not below its collection');
  return url;
}
