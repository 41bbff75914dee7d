/** GET /.well-known/host-meta and host-meta.json: the address of the WebSocket for web clients (XEP-0156 §3, RFC
 *  6415, RFC 7395 §4). Any page may read it (XEP-0156 §3.1): it is public and the same for each reader. */
const relation = 'urn:xmpp:alt-connections:websocket';
const headers = { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=3600' };

export interface HostMetaOptions {
  /** Address of the WebSocket for clients, such as `wss://chat.example/xmpp-websocket`. */
  readonly websocketUrl: URL;
}

export interface HostMeta {
  readonly xml: () => Response;
  readonly json: () => Response;
}

/** Makes both documents.
 *  @throws TypeError when the WebSocket is not secured (RFC 7395 §3.9) */
export function createHostMeta({ websocketUrl }: HostMetaOptions): HostMeta {
  if (websocketUrl.protocol !== 'wss:') throw new TypeError('the WebSocket must be wss');
  const { href } = websocketUrl;
  // The URL parser leaves no quote and no angle bracket in an href.
  const link = `<Link rel="${relation}" href="${href.replaceAll('&', '&amp;')}"/>`;
  const xrd = `<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">${link}</XRD>`;
  const jrd = JSON.stringify({ links: [{ rel: relation, href }] });
  return {
    xml: () => new Response(xrd, { headers: { ...headers, 'content-type': 'application/xrd+xml' } }),
    json: () => new Response(jrd, { headers: { ...headers, 'content-type': 'application/json' } }),
  };
}
