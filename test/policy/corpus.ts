/** Sixty stanzas after examples of extension protocols, in our own words, for what survives the strictest policy. What says
 *  something of the user, and is neither content nor needed for delivery, is marked `mk-…`; `laptop` is the user's own
 *  resource, and `23:41:07` a time that only the device knows. */

/** A stanza that a client sends. */
export interface CorpusStanza {
  /** Number of the XEP, or the RFC. */
  readonly by: number | string;
  readonly stanza: string;
  /** Marks that are still there, each with the reason. */
  readonly survives?: Readonly<Record<string, string>>;
}

const client = "xmlns='jabber:client'";
const own = 'me@provider.example/laptop';
const message = (content: string, attributes = "type='chat'"): string =>
  `<message ${client} to='a@b.example' id='m1' ${attributes}>${content}</message>`;
const presence = (content: string, attributes = ''): string =>
  `<presence ${client}${attributes}>${content}</presence>`;
const iq = (type: string, content: string, to = " to='a@b.example/r'"): string =>
  `<iq ${client} type='${type}' id='${type === 'result' ? 'i1' : 'mk-id'}'${to}>${content}</iq>`;
const pubsub = (content: string): string =>
  iq('set', `<pubsub xmlns='http://jabber.org/protocol/pubsub'>${content}</pubsub>`, '');
const publish = (node: string, payload: string): string =>
  pubsub(`<publish node='${node}'><item id='i1'>${payload}</item></publish>`);
const jingle = (action: string, content: string): string =>
  iq(
    'set',
    `<jingle xmlns='urn:xmpp:jingle:1' action='${action}' sid='s1' initiator='${own}'>${content}</jingle>`,
  );
const form = (fields: string): string => `<x xmlns='jabber:x:data' type='submit'>${fields}</x>`;
const time = '2026-03-10T23:41:07Z';

export const corpus: readonly CorpusStanza[] = [
  { by: 4, stanza: message(form(`<field var='where' type='jid-single'><value>${own}</value></field>`), '') },
  { by: 9, stanza: iq('set', "<query xmlns='jabber:iq:rpc'><methodCall><methodName>mk-method</methodName></methodCall></query>") },
  { by: 12, stanza: iq('result', "<query xmlns='jabber:iq:last' seconds='903'>mk-status</query>") },
  { by: 16, stanza: iq('get', "<query xmlns='jabber:iq:privacy'/>", '') },
  { by: 20, stanza: message("<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='form'><field var='mk-feature'/></x></feature>", '') },
  { by: 22, stanza: message("<x xmlns='jabber:x:event'><composing/><id>mk-event</id></x>") },
  { by: 30, stanza: iq('result', `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='${own}' node='n'/></query>`) },
  { by: 33, stanza: message(`<body>x</body><addresses xmlns='http://jabber.org/protocol/address'><address type='replyto' jid='${own}' desc='mk-desc'/></addresses>`) },
  { by: 45, stanza: presence("<x xmlns='http://jabber.org/protocol/muc'><history seconds='mk-s' maxstanzas='20'/></x>", " to='r@muc.example/n'") },
  { by: 45, stanza: message("<x xmlns='http://jabber.org/protocol/muc#user'><decline to='c@b.example'><reason>mk-why</reason></decline></x>", '') },
  { by: 47, stanza: iq('set', "<open xmlns='http://jabber.org/protocol/ibb' block-size='4096' sid='s' stanza='iq'/>") },
  { by: 48, stanza: iq('set', "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference name='mk-room' jid='r@muc.example'/></storage></query>", '') },
  { by: 50, stanza: iq('set', `<command xmlns='http://jabber.org/protocol/commands' node='n' action='execute'>${form("<field var='mk-f'/>")}</command>`) },
  { by: 54, stanza: iq('set', "<vCard xmlns='vcard-temp'><FN>mk-name</FN><TZ>mk-zone</TZ></vCard>", '') },
  { by: 60, stanza: pubsub(`<subscribe node='n' jid='${own}'/>`) },
  { by: 60, stanza: iq('set', `<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='n'><affiliation jid='${own}' affiliation='owner'/></affiliations></pubsub>`) },
  { by: 65, stanza: iq('set', `<query xmlns='http://jabber.org/protocol/bytestreams' sid='s'><streamhost jid='${own}' host='mk-192.0.2.7' port='5086'/></query>`) },
  { by: 66, stanza: message("<body>https://up.example/f</body><x xmlns='jabber:x:oob'><url>https://up.example/f</url><desc>mk-desc</desc></x>") },
  { by: 71, stanza: message("<body>hi</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p style='mk-font'>hi</p></body></html>") },
  { by: 79, stanza: message("<body>hi</body><amp xmlns='http://jabber.org/protocol/amp'><rule action='drop' condition='expire-at' value='2026-03-11T00:00:00Z'/></amp>") },
  { by: 80, stanza: publish('http://jabber.org/protocol/geoloc', "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>mk-45</lat></geoloc>") },
  { by: 84, stanza: publish('urn:xmpp:avatar:metadata', "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12345' id='mk-sha' type='image/png'/></metadata>") },
  { by: 92, stanza: iq('result', "<query xmlns='jabber:iq:version'><name>mk-client</name><version>mk-7</version><os>mk-os</os></query>") },
  { by: 95, stanza: iq('set', "<si xmlns='http://jabber.org/protocol/si' id='s' profile='http://jabber.org/protocol/si/profile/file-transfer'><file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='mk-name.txt' size='1022'/></si>") },
  { by: 107, stanza: publish('http://jabber.org/protocol/mood', "<mood xmlns='http://jabber.org/protocol/mood'><happy/><text>mk-mood</text></mood>") },
  { by: 108, stanza: message("<body>hi</body><activity xmlns='http://jabber.org/protocol/activity'><relaxing/><text>mk-activity</text></activity>") },
  { by: 115, stanza: presence("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://c.example' ver='AAAA' ext='mk-ext'/>") },
  { by: 122, stanza: message(form(`<field var='day'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:date'/><value>x</value></field>`), '') },
  { by: 131, stanza: message("<body>hi</body><headers xmlns='http://jabber.org/protocol/shim'><header name='User-Agent'>mk-agent</header></headers>") },
  { by: 144, stanza: message("<body>hi</body><x xmlns='http://jabber.org/protocol/rosterx'><item action='add' jid='mk-friend@c.example'/></x>") },
  { by: 153, stanza: presence("<x xmlns='vcard-temp:x:update'><photo>mk-sha</photo></x>") },
  { by: 158, stanza: iq('set', `<captcha xmlns='urn:xmpp:captcha'>${form("<field var='answer'><value>mk-answer</value></field>")}</captcha>`), survives: { 'mk-answer': 'the server has asked for it (subscription.challenge)' } },
  { by: 163, stanza: publish('urn:xmpp:mk-own-node', "<state xmlns='urn:example:state'>mk-state</state>") },
  { by: 166, stanza: jingle('session-terminate', '<reason><success/><text>mk-text</text></reason>') },
  { by: 167, stanza: jingle('session-initiate', "<content creator='initiator' name='voice'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='96' name='opus' clockrate='48000'/></description></content>") },
  { by: 172, stanza: presence("<nick xmlns='http://jabber.org/protocol/nick'>mk-nick</nick>") },
  { by: 176, stanza: jingle('transport-info', "<content creator='initiator' name='voice'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'><candidate component='1' foundation='1' generation='0' id='c1' ip='mk-192.0.2.1' network='1' port='8998' priority='1' protocol='udp' type='host'/></transport></content>") },
  { by: 184, stanza: message("<received xmlns='urn:xmpp:receipts' id='mk-m0'/>") },
  { by: 191, stanza: iq('set', "<block xmlns='urn:xmpp:blocking'><item jid='c@b.example'/></block>", '') },
  { by: 202, stanza: iq('result', `<time xmlns='urn:xmpp:time'><tzo>mk-zone</tzo><utc>${time}</utc></time>`) },
  { by: 203, stanza: message(`<body>hi</body><delay xmlns='urn:xmpp:delay' from='${own}' stamp='${time}'>mk-offline</delay>`) },
  { by: 224, stanza: message("<attention xmlns='urn:xmpp:attention:0'/>", "type='headline'") },
  { by: 231, stanza: message("<body>hi</body><data xmlns='urn:xmpp:bob' cid='sha1+8f@bob.xmpp.org' max-age='mk-age' type='image/png'>QUFB</data>"), survives: { 'mk-age': 'how long others keep a copy is up to the sender (content.file)' } },
  { by: 249, stanza: message("<x xmlns='jabber:x:conference' jid='r@muc.example' reason='mk-why' thread='mk-thread'/>", '') },
  { by: 256, stanza: presence("<show>away</show><query xmlns='jabber:iq:last' seconds='mk-600'/>") },
  { by: 258, stanza: message("<body>hi</body><securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking>mk-marking</displaymarking></securitylabel>"), survives: { 'mk-marking': 'servers that check labels deliver nothing without (content.security-label)' } },
  { by: 301, stanza: message("<rtt xmlns='urn:xmpp:rtt:0' seq='mk-123000' event='new'><t>mk-typed</t></rtt>") },
  { by: 319, stanza: presence(`<show>away</show><idle xmlns='urn:xmpp:idle:1' since='${time}'/>`) },
  { by: 333, stanza: message("<displayed xmlns='urn:xmpp:chat-markers:0' id='mk-m0'/>") },
  { by: 335, stanza: message("<body>hi</body><json xmlns='urn:xmpp:json:0'>{\"mk-json\":1}</json>") },
  { by: 352, stanza: "<inactive xmlns='urn:xmpp:csi:0'/>" },
  { by: 357, stanza: iq('set', "<enable xmlns='urn:xmpp:push:0' jid='push.provider.example' node='mk-node'/>", ''), survives: { 'mk-node': 'the provider has named it, and needs it back with a notification (push.node)' } },
  { by: 363, stanza: iq('get', "<request xmlns='urn:xmpp:http:upload:0' filename='mk-beach.jpg' size='23456' content-type='mk-image/jpeg'/>", " to='up.b.example'") },
  { by: 372, stanza: message(`<body>hi me</body><reference xmlns='urn:xmpp:reference:0' begin='3' end='5' type='mention' uri='xmpp:${own}'/>`) },
  { by: 385, stanza: message(`<body>look</body><reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'><file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><media-type>image/jpeg</media-type><name>mk-beach.jpg</name><date>${time}</date><desc>mk-desc</desc></file></media-sharing></reference>`) },
  { by: 402, stanza: publish('urn:xmpp:bookmarks:1', "<conference xmlns='urn:xmpp:bookmarks:1' name='mk-room' autojoin='true'><nick>mk-nick</nick></conference>") },
  { by: 434, stanza: message("<trust-message xmlns='urn:xmpp:tm:1' usage='urn:xmpp:atm:1' encryption='urn:xmpp:omemo:2'><key-owner jid='c@b.example'><trust>mk-key</trust></key-owner></trust-message>") },
  { by: 447, stanza: message(`<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'><media-type>image/jpeg</media-type><name>mk-beach.jpg</name><date>${time}</date><desc>mk-desc</desc></file></file-sharing>`) },
  { by: 449, stanza: message("<body>:)</body><sticker xmlns='urn:xmpp:stickers:0' pack='mk-pack'/>") },
  { by: 'RFC 6121', stanza: presence("<show>dnd</show><status xml:lang='mk-lang'>mk-status</status><priority>-1</priority>") },
]; // prettier-ignore
