/** XMPP URIs (RFC 5122): reads the JID, and replaces its resource. */

/** Scheme with the authority that a client must use, the JID, and the rest. */
const form = /^(xmpp:(?:\/\/[^/?#]*\/)?)([^?#]*)(.*)$/is;

/** Returns the JID in a URI, with its percent-encoding decoded (RFC 5122 §2.7.2); undefined for text that is no XMPP
 *  URI. */
export function jidOfUri(uri: string): string | undefined {
  const written = form.exec(uri)?.[2];
  if (written === undefined || written === '') return undefined;
  try {
    return decodeURIComponent(written);
  } catch {
    return undefined;
  }
}

/** Returns the URI with another resource in its JID, or without one for `''`.
 *  @param uri one for which `jidOfUri` returns a JID */
export function withResource(uri: string, resource: string): string {
  const [, before = '', written = '', after = ''] = form.exec(uri) ?? [];
  const [bare = ''] = written.split('/', 1);
  return `${before}${bare}${resource === '' ? '' : `/${encodeURIComponent(resource)}`}${after}`;
}
