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
  'the initiator of a call (XEP-0166)': (jid) => iq(`<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s' initiator='${jid}'/>`),
  'its responder': (jid) => iq(`<jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='s' responder='${jid}'/>`),
  'the subscriber of a node (XEP-0060)': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='${jid}'/></pubsub>`),
  'its former subscriber': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='n' jid='${jid}'/></pubsub>`),
  'the owner of options': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><options node='n' jid='${jid}'/></pubsub>`),
  'a subscription': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription node='n' jid='${jid}'/></pubsub>`),
  'the publisher of an item': (jid) => message(`<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:omemo:2:devices'><item publisher='${jid}'><devices xmlns='urn:xmpp:omemo:2'><device id='1'/></devices></item></items></event>`),
  'the same in an archive of items': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:omemo:2:devices'><item publisher='${jid}'><devices xmlns='urn:xmpp:omemo:2'><device id='1'/></devices></item></items></pubsub>`),
  'the inviter into a room (XEP-0045)': (jid) => message(`<x xmlns='http://jabber.org/protocol/muc#user'><invite from='${jid}'/></x>`),
  'the invited user': (jid) => message(`<x xmlns='http://jabber.org/protocol/muc#user'><invite to='${jid}'/></x>`),
  'the user who declines': (jid) => message(`<x xmlns='http://jabber.org/protocol/muc#user'><decline from='${jid}'/></x>`),
  'an occupant': (jid) => `<presence ${client} from='room@muc.example/nick'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' jid='${jid}'/></x></presence>`,
  'the moderator who removed a user from a room (XEP-0045 §8.2)': (jid) => `<presence ${client} type='unavailable' from='room@muc.example/nick'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'><actor nick='n' jid='${jid}'/></item></x></presence>`,
  'the author of a change to a room’s list': (jid) => iq(`<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='x@b.example'><actor jid='${jid}'/></item></query>`),
  'a member': (jid) => iq(`<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='${jid}'/></query>`),
  'a subscriber of an own node (XEP-0060 §8.8)': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><subscriptions node='n'><subscription jid='${jid}' subscription='subscribed'/></subscriptions></pubsub>`),
  'an owner of a node (XEP-0060 §8.9)': (jid) => iq(`<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='n'><affiliation jid='${jid}' affiliation='owner'/></affiliations></pubsub>`),
  'an administrator in a form (XEP-0004, jid-multi)': (jid) => iq(`<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomadmins' type='jid-multi'><value>x@b.example</value><value>${jid}</value></field></x></query>`),
  'an account in a command (XEP-0004, jid-single)': (jid) => `<message ${client} to='a@b.example'><x xmlns='jabber:x:data' type='submit'><field var='accountjid'><value>${jid}</value></field></x><body>x</body></message>`,
  'a device of the account (XEP-0030)': (jid) => `<iq ${client} type='result' id='1' to='a@b.example/c'><query xmlns='http://jabber.org/protocol/disco#items'><item jid='${jid}'/></query></iq>`,
  'the sender in rules of delivery (XEP-0079)': (jid) => message(`<amp xmlns='http://jabber.org/protocol/amp' from='${jid}' to='a@b.example'/>`),
  'where to answer, as a URI (XEP-0033)': (jid) => message(`<addresses xmlns='http://jabber.org/protocol/address'><address type='replyto' uri='xmpp:${jid}?message'/></addresses>`),
  'who is mentioned (XEP-0372)': (jid) => message(`<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:${jid}'/>`),
  'what a reference is in (XEP-0372)': (jid) => message(`<reference xmlns='urn:xmpp:reference:0' type='data' anchor='xmpp:${jid}?;node=n' uri='xmpp:a@b.example'/>`),
  'where to answer (XEP-0033)': (jid) => message(`<addresses xmlns='http://jabber.org/protocol/address'><address type='replyto' jid='${jid}'/></addresses>`),
  'a candidate for a transfer (XEP-0260)': (jid) => iq(`<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s'><content creator='initiator' name='f'><transport xmlns='urn:xmpp:jingle:transports:s5b:1' sid='v'><candidate cid='c' type='proxy' jid='${jid}' host='proxy.example' port='1'/></transport></content></jingle>`),
  'the host that was used (XEP-0065)': (jid) => iq(`<query xmlns='http://jabber.org/protocol/bytestreams' sid='v'><streamhost-used jid='${jid}'/></query>`),
  'the author of the message replied to (XEP-0461)': (jid) => message(`<reply xmlns='urn:xmpp:reply:0' to='${jid}' id='m1'/>`),
  'where to call (XEP-0482)': (jid) => message(`<invite xmlns='urn:xmpp:call-invites:0'><jingle sid='s' jid='${jid}'/></invite>`),
  'the sender of a forwarded message': (jid) => message(`<forwarded xmlns='urn:xmpp:forward:0'><message ${client} from='${jid}' to='a@b.example'><body>y</body></message></forwarded>`),
}; // prettier-ignore

// Under `strict` the gatekeeper assigns the resource, so that the client has no other.
describe.each(['balanced'])('one’s own full JID under %s', (policy) => {
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
