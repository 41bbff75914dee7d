/** GET /.well-known/host-meta and host-meta.json: where a web client finds the WebSocket (XEP-0156 §3, RFC 6415,
 *  RFC 7395 §4). Any page may read it (XEP-0156 §3.1), since it is public and says nothing of the reader. */
const relation = 'urn:xmpp:alt-connections:websocket';
const headers = { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=3600' };

export interface HostMetaOptions {
  /** `wss://…/xmpp-websocket`, as clients reach it. */
  readonly websocketUrl: URL;
}

export interface HostMeta {
  readonly xml: () => Response;
  readonly json: () => Response;
}

/** @throws TypeError when the WebSocket is not secured (RFC 7395 §3.9). */
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
