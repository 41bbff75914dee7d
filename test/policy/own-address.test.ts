/** A client's own full JID stands in many places other than `from` and `to`. Wherever it does, a hidden resource stays hidden,
 *  and comes back as the one that the client knows. */
import { describe, expect, it } from 'vitest';
import { openPolicy } from '../../src/app/files/policies.ts';
import { context, deciderFor, pass } from './fixtures.ts';

const own = (resource: string): string => `${context.account}/${resource}`;
const client = "xmlns='jabber:client'";
const iq = (inside: string): string => `<iq ${client} type='set' id='1' to='a@b.example/c'>${inside}</iq>`;
const message = (inside: string): string =>
  `<message ${client} to='room@muc.example'>${inside}<body>x</body></message>`;

/** Where, and in what. */
const places: Readonly<Record<string, (jid: string) => string>> = {
  'who starts a call (XEP-0166)': (jid) => iq(`<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s' initiator='${jid}'/>`),
  'who answers it': (jid) => iq(`<jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='s' responder='${jid}'/>`),
  'who subscribes to a node (XEP-0060)': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='${jid}'/></pubsub>`),
  'who does no more': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='n' jid='${jid}'/></pubsub>`),
  'whose options they are': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><options node='n' jid='${jid}'/></pubsub>`),
  'a subscription': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription node='n' jid='${jid}'/></pubsub>`),
  'who published an item': (jid) => message(`<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:omemo:2:devices'><item publisher='${jid}'><devices xmlns='urn:xmpp:omemo:2'><device id='1'/></devices></item></items></event>`),
  'the same in an archive of items': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:omemo:2:devices'><item publisher='${jid}'><devices xmlns='urn:xmpp:omemo:2'><device id='1'/></devices></item></items></pubsub>`),
  'who invites into a room (XEP-0045)': (jid) => message(`<x xmlns='http://jabber.org/protocol/muc#user'><invite from='${jid}'/></x>`),
  'who is invited': (jid) => message(`<x xmlns='http://jabber.org/protocol/muc#user'><invite to='${jid}'/></x>`),
  'who declines': (jid) => message(`<x xmlns='http://jabber.org/protocol/muc#user'><decline from='${jid}'/></x>`),
  'an occupant': (jid) => `<presence ${client} from='room@muc.example/nick'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' jid='${jid}'/></x></presence>`,
  'who removed somebody from a room (XEP-0045 §8.2)': (jid) => `<presence ${client} type='unavailable' from='room@muc.example/nick'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'><actor nick='n' jid='${jid}'/></item></x></presence>`,
  'who changed a list of a room': (jid) => iq(`<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='x@b.example'><actor jid='${jid}'/></item></query>`),
  'a member': (jid) => iq(`<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='${jid}'/></query>`),
  'where to answer (XEP-0033)': (jid) => message(`<addresses xmlns='http://jabber.org/protocol/address'><address type='replyto' jid='${jid}'/></addresses>`),
  'a candidate for a transfer (XEP-0260)': (jid) => iq(`<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s'><content creator='initiator' name='f'><transport xmlns='urn:xmpp:jingle:transports:s5b:1' sid='v'><candidate cid='c' type='proxy' jid='${jid}' host='proxy.example' port='1'/></transport></content></jingle>`),
  'the host that was used (XEP-0065)': (jid) => iq(`<query xmlns='http://jabber.org/protocol/bytestreams' sid='v'><streamhost-used jid='${jid}'/></query>`),
  'whose message is replied to (XEP-0461)': (jid) => message(`<reply xmlns='urn:xmpp:reply:0' to='${jid}' id='m1'/>`),
  'where to call (XEP-0482)': (jid) => message(`<invite xmlns='urn:xmpp:call-invites:0'><jingle sid='s' jid='${jid}'/></invite>`),
  'the sender of a forwarded message': (jid) => message(`<forwarded xmlns='urn:xmpp:forward:0'><message ${client} from='${jid}' to='a@b.example'><body>y</body></message></forwarded>`),
}; // prettier-ignore

describe.each(['balanced', 'strict'])('one’s own full JID under %s', (policy) => {
  const compiled = openPolicy(policy);
  const bind = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>laptop</resource></bind></iq>"; // prettier-ignore
  const bound = /<resource>([^<]+)</.exec(pass(deciderFor(compiled, 'to-gatekeeper'), bind).after)![1]!;

  it.each(Object.entries(places))('%s', (_, write) => {
    const out = pass(deciderFor(compiled, 'to-gatekeeper', { resource: bound }), write(own('laptop')));
    expect(out.after).not.toContain('laptop');
    const back = pass(deciderFor(compiled, 'to-client', { resource: bound }), write(own(bound)));
    expect(back.after).not.toBe('');
    expect(back.after).not.toContain(bound);
  });

  it.each(Object.entries(places))('no other device of theirs, and no other party: %s', (_, write) => {
    for (const jid of [own('tablet'), 'somebody@else.example/laptop']) {
      const kept = pass(deciderFor(openPolicy('passthrough'), 'to-gatekeeper', { resource: bound }), write(jid));
      expect(kept.after).toContain(jid);
      const back = pass(deciderFor(compiled, 'to-client', { resource: bound }), write(jid));
      expect(back.after).toContain(jid);
    }
  }); // prettier-ignore
});
