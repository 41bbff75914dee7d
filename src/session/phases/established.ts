/** Phase `established`: relays stanzas until a side ends. Independent of the gatekeeper's protocol. */
import type { Connected } from './connected.ts';

export function establish(connected: Connected): void {
  const { client, gatekeeper } = connected;
  connected.enter('established');
  client.batch();
  gatekeeper.batch();
  client.receive({
    stanza: (stanza) => void connected.take(stanza, 'to-gatekeeper'),
    whitespace: (byteLength) => connected.keepAlive('to-gatekeeper', byteLength),
    end: () => connected.closedBy('client'),
  });
  gatekeeper.receive({
    stanza: (stanza) => {
      if (connected.take(stanza, 'to-client')) connected.endedBy(stanza);
    },
    whitespace: (byteLength) => connected.keepAlive('to-client', byteLength),
    end: () => connected.closedBy('gatekeeper'),
  });
}
