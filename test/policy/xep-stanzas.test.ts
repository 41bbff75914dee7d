/** Stanzas of extension protocols under the shipped policies: what of them is seen, and what is not. Each is in our own
 *  words after the protocol that is named. */
import { describe, expect, it } from 'vitest';
import { openPolicy } from '../../src/app/files/policies.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import { deciderFor, pass } from './fixtures.ts';

type PolicyName = 'passthrough' | 'balanced' | 'strict';

/** What is looked for in what leaves. */
interface Seen {
  readonly shows?: readonly string[];
  readonly hides?: readonly string[];
}

interface Sample extends Partial<Record<PolicyName, Seen>> {
  readonly what: string;
  readonly direction?: Direction;
  readonly given: string;
}

const client = "xmlns='jabber:client'";
const conditions = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";
const iq = (type: string, content: string): string =>
  `<iq ${client} type='${type}' id='i1' to='a@b.example/r'>${content}</iq>`;
const message = (content: string, attributes = "type='chat'"): string =>
  `<message ${client} to='a@b.example' id='m1' ${attributes}>${content}</message>`;
const errorOf = (condition: string, application: string): string =>
  `<iq ${client} type='error' id='i1' from='b.example'><error type='cancel'><${condition} ${conditions}/>${application}</error></iq>`;
const publish = (node: string, payload: string): string =>
  iq('set', `<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='${node}'><item id='i1'>${payload}</item></publish></pubsub>`); // prettier-ignore
const file = (holder: string): string =>
  `<${holder} xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file><date>2026-03-10T23:41:07Z</date><desc>the beach</desc><media-type>image/jpeg</media-type><name>holiday.jpg</name><size>83121</size><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AAAA</hash></file></${holder}>`;
const jingle = (action: string, content: string): string =>
  iq('set', `<jingle xmlns='urn:xmpp:jingle:1' action='${action}' sid='s1'>${content}</jingle>`);
const everywhere = (seen: Seen): Pick<Sample, PolicyName> => ({
  passthrough: seen,
  balanced: seen,
  strict: seen,
});

const samples: readonly Sample[] = [
  {
    what: 'text directly in an error (XEP-0086)',
    given: message("<error type='cancel' code='404'>Not here: marker<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text>marker</text></error>", "type='error'"),
    passthrough: { shows: ['Not here'] },
    balanced: { hides: ['marker'], shows: ['item-not-found'] },
    strict: { hides: ['marker'], shows: ['item-not-found'] },
  },
  {
    what: 'an offer of a file (XEP-0234)',
    given: jingle('session-initiate', `<content creator='initiator' name='f'>${file('description')}</content>`),
    balanced: { shows: ['holiday.jpg', 'the beach', '2026-03-10T00:00:00Z', '83121', 'AAAA'], hides: ['23:41'] },
    strict: { shows: ['image/jpeg', '83121', 'AAAA'], hides: ['holiday', 'beach', '2026'] },
  },
  {
    what: 'a checksum of a file (XEP-0234)',
    given: jingle('session-info', file('checksum')),
    ...everywhere({ shows: ['checksum', 'AAAA'] }),
  },
  {
    what: 'a file with its text (XEP-0385)',
    given: message(`<body>look</body><reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'>${file('x').replace(/<\/?x[^>]*>/g, '').replace('<file>', "<file xmlns='urn:xmpp:jingle:apps:file-transfer:5'>")}</media-sharing></reference>`),
    balanced: { shows: ['holiday.jpg', '83121', 'image/jpeg'] },
    strict: { shows: ['image/jpeg', '65536'], hides: ['holiday', 'beach', '83121'] },
  },
  {
    what: 'an invitation that continues a conversation (XEP-0249)',
    given: message("<x xmlns='jabber:x:conference' continue='true' jid='room@muc.example' thread='marker' reason='whisper'/>", ''),
    balanced: { shows: ['marker', 'whisper'] },
    strict: { shows: ["jid='room@muc.example'"], hides: ['marker', 'whisper'] },
  },
  {
    what: 'names of recipients (XEP-0033)',
    given: message("<body>hi</body><addresses xmlns='http://jabber.org/protocol/address'><address type='cc' jid='c@b.example' desc='marker'/></addresses>"),
    balanced: { shows: ['marker'] },
    strict: { shows: ["jid='c@b.example'"], hides: ['marker'] },
  },
  {
    what: 'a mediated invitation (XEP-0045 §7.8)',
    given: message("<x xmlns='http://jabber.org/protocol/muc#user'><invite to='c@b.example'><reason>whisper</reason><continue thread='marker'/></invite></x>", ''),
    balanced: { shows: ['marker', 'whisper'] },
    strict: { shows: ["to='c@b.example'"], hides: ['marker', 'whisper'] },
  },
  {
    what: 'since when a room’s history is wanted (XEP-0045)',
    given: `<presence ${client} to='room@muc.example/n'><x xmlns='http://jabber.org/protocol/muc'><history since='2026-03-10T23:41:07Z'/></x></presence>`,
    balanced: { shows: ['2026-03-10T23:00:00Z'], hides: ['23:41'] },
    strict: { shows: ['2026-03-10T00:00:00Z'], hides: ['23:41'] },
  },
  {
    what: 'when a message was retracted (XEP-0424)',
    given: message("<retracted xmlns='urn:xmpp:message-retract:1' id='r1' stamp='2026-03-10T23:41:07Z'/>"),
    balanced: { shows: ["id='r1'"], hides: ['23:41'] },
    strict: { shows: ["id='r1'", '2026-03-10T00:00:00Z'], hides: ['23:41'] },
  },
  {
    what: 'a retraction as it was until 2023 (XEP-0424 version 0.3, XEP-0422)',
    given: message("<apply-to xmlns='urn:xmpp:fasten:0' id='m0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to><store xmlns='urn:xmpp:hints'/>"),
    ...everywhere({ shows: ["<apply-to xmlns='urn:xmpp:fasten:0' id='m0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"] }),
  },
  {
    what: 'what such a retraction leaves in an archive',
    direction: 'to-client',
    given: message("<retracted xmlns='urn:xmpp:message-retract:0' stamp='2026-03-10T23:41:07Z'><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></retracted>", "type='groupchat'"),
    ...everywhere({ shows: ["<retracted xmlns='urn:xmpp:message-retract:0'", "id='o1'", '23:41:07'] }),
  },
  {
    what: 'a moderated message as it was until 2023 (XEP-0425 version 0.2)',
    direction: 'to-client',
    given: message("<apply-to xmlns='urn:xmpp:fasten:0' id='s1'><moderated xmlns='urn:xmpp:message-moderate:0' by='room@muc.example/n'><retract xmlns='urn:xmpp:message-retract:0'/><reason>spam</reason></moderated></apply-to>", "type='groupchat'"),
    ...everywhere({ shows: ["<moderated xmlns='urn:xmpp:message-moderate:0'", 'spam', "<retract xmlns='urn:xmpp:message-retract:0'/>"] }),
  },
  {
    what: 'retracting a shared read position (XEP-0490)',
    given: iq('set', "<pubsub xmlns='http://jabber.org/protocol/pubsub'><retract node='urn:xmpp:mds:displayed:0'><item id='marker@b.example'/></retract></pubsub>"),
    balanced: { shows: ['marker@b.example'] },
    strict: { hides: ['marker'] },
  },
  {
    what: 'device labels of OMEMO 0.4 to 0.8 (urn:xmpp:omemo:1)',
    given: publish('urn:xmpp:omemo:1:devices', "<devices xmlns='urn:xmpp:omemo:1'><device id='1' label='marker'/></devices>"),
    passthrough: { shows: ['marker'] },
    balanced: { shows: ["<device id='1'/>"], hides: ['marker'] },
    strict: { shows: ["<device id='1'/>"], hides: ['marker'] },
  },
  {
    what: 'a label in the device list of OMEMO 0.3',
    given: publish('eu.siacs.conversations.axolotl.devicelist', "<list xmlns='eu.siacs.conversations.axolotl'><device id='1' label='marker'/></list>"),
    balanced: { shows: ["<device id='1'/>"], hides: ['marker'] },
  },
  {
    what: 'a message encrypted with OMEMO 0.4 to 0.8',
    given: message("<encrypted xmlns='urn:xmpp:omemo:1'><header sid='1'><keys jid='a@b.example'><key rid='2'>AA</key></keys></header><payload>CC</payload></encrypted><body>marker</body><store xmlns='urn:xmpp:hints'/>"),
    passthrough: { shows: ['marker', '<payload>CC</payload>'] },
    strict: { shows: ["<key rid='2'>AA</key>", '<payload>CC</payload>', 'Encrypted message'], hides: ['marker'] },
  },
  {
    what: 'what a client says of itself in attributes (XEP-0388)',
    given: "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770' platform='marker'><software>marker</software></user-agent></authenticate>",
    passthrough: { shows: ["platform='marker'", 'd4565fa7'] },
    balanced: { shows: ['>Narthex</software>', '<user-agent id='], hides: ['marker', 'd4565fa7'] },
    strict: { hides: ['marker', 'd4565fa7'] },
  },
  {
    what: 'the confirmation of carbons while binding (XEP-0386)',
    direction: 'to-client',
    given: "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>me@provider.example/r</authorization-identifier><bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:carbons:2'/></bound></success>",
    ...everywhere({ shows: ["<enabled xmlns='urn:xmpp:carbons:2'/>"] }),
  },
  {
    what: 'when a profile was edited (XEP-0292)',
    given: publish('urn:xmpp:vcard4', "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Juliet</text></fn><rev><timestamp>20260310T234107Z</timestamp></rev></vcard>"),
    passthrough: { shows: ['20260310'] },
    balanced: { shows: ['Juliet'], hides: ['20260310'] },
  },
  {
    what: 'the text with the end of a call (XEP-0166)',
    given: jingle('session-terminate', '<reason><busy/><text>marker</text></reason>'),
    balanced: { shows: ['marker', '<busy/>'] },
    strict: { shows: ['<busy/>'], hides: ['marker'] },
  },
  {
    what: 'why a call was rejected (XEP-0353)',
    given: message("<reject xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><busy/><text>marker</text></reason></reject>"),
    balanced: { shows: ['<busy/>', 'marker'] },
    strict: { shows: ['<busy/>'], hides: ['marker'] },
  },
  {
    what: 'what an upload is for (XEP-0363)',
    given: `<iq ${client} type='get' id='i1' to='up.b.example'><request xmlns='urn:xmpp:http:upload:0' filename='f' size='3'><ephemeral xmlns='urn:xmpp:http:upload:purpose:0' expire-before='marker'/></request></iq>`,
    balanced: { shows: ['marker'] },
    strict: { shows: ["size='3'"], hides: ['marker'] },
  },
  // Conditions of applications in errors.
  ...[
    ['of a blocked contact (XEP-0191)', 'not-acceptable', "<blocked xmlns='urn:xmpp:blocking:errors'/>"],
    ['of an upload that is too large (XEP-0363)', 'not-acceptable', "<file-too-large xmlns='urn:xmpp:http:upload:0'><max-file-size>20000</max-file-size></file-too-large>"],
    ['of an upload that has to wait (XEP-0363)', 'resource-constraint', "<retry xmlns='urn:xmpp:http:upload:0' stamp='2026-03-10T23:42:05Z'/>"],
    ['of publishing (XEP-0060)', 'conflict', "<precondition-not-met xmlns='http://jabber.org/protocol/pubsub#errors'/>"],
    ['of a service without a feature (XEP-0060)', 'feature-not-implemented', "<unsupported xmlns='http://jabber.org/protocol/pubsub#errors' feature='subscribe'/>"],
    ['of a call (XEP-0166)', 'item-not-found', "<unknown-session xmlns='urn:xmpp:jingle:errors:1'/>"],
    ['of a command (XEP-0050)', 'bad-request', "<bad-action xmlns='http://jabber.org/protocol/commands'/>"],
    ['of an account whose password has to change (XEP-0494)', 'service-unavailable', "<password-reset-required xmlns='urn:xmpp:cam:0'/>"],
  ].map(([of, condition, application]): Sample => ({
    what: `the condition ${of}`,
    direction: 'to-client',
    given: errorOf(condition!, application!),
    ...everywhere({ shows: [application!] }),
  })),
  {
    what: 'the condition of a transfer, in its reason (XEP-0234)',
    given: jingle('content-remove', "<reason><media-error/><file-too-large xmlns='urn:xmpp:jingle:apps:file-transfer:errors:0'/></reason>"),
    ...everywhere({ shows: ['<media-error/>', '<file-too-large '] }),
  },
  {
    what: 'text in such a condition',
    direction: 'to-client',
    given: errorOf('not-acceptable', "<blocked xmlns='urn:xmpp:blocking:errors'>marker</blocked>"),
    strict: { shows: ['<blocked '], hides: ['marker'] },
  },
  {
    what: 'a stream that was resumed with a wrong count (XEP-0198)',
    direction: 'to-client',
    given: "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error>",
    ...everywhere({ shows: ['handled-count-too-high'] }),
  },
  // Namespaces that were not in the catalogue.
  {
    what: 'a mention (XEP-0513)',
    given: message("<body>Hello, Alice!</body><mention xmlns='urn:xmpp:mentions:0' begin='7' end='12' occupantid='marker'/>", "type='groupchat'"),
    ...everywhere({ shows: ["begin='7'", 'marker'] }),
  },
  {
    what: 'who may mention whom (XEP-0513)',
    given: iq('get', "<query xmlns='urn:xmpp:mentions:0'/>"),
    ...everywhere({ shows: ["<query xmlns='urn:xmpp:mentions:0'/>"] }),
  },
  {
    what: 'a contact published unencrypted (XEP-0510)',
    given: publish('urn:xmpp:contacts', "<contact xmlns='urn:xmpp:contacts:0' name='marker'><identity type='jid'>c@b.example</identity><group id='g1'/></contact>"),
    balanced: { shows: ["name='marker'", "<group id='g1'/>"] },
    strict: { hides: ['marker', 'c@b.example'] },
  },
  {
    what: 'a contact published encrypted (XEP-0510, XEP-0473)',
    given: publish('urn:xmpp:contacts', "<encrypted xmlns='urn:xmpp:openpgp:pubsub:0' key='k1'>QUFB</encrypted>"),
    ...everywhere({ shows: ['QUFB'] }),
  },
  {
    what: 'the list of the account’s clients (XEP-0494)',
    direction: 'to-client',
    given: iq('result', "<clients xmlns='urn:xmpp:cam:0'><client connected='true' id='c1' type='session'><first-seen>2026-03-10T23:41:07Z</first-seen><user-agent><device>laptop</device></user-agent></client></clients>"),
    ...everywhere({ shows: ['laptop', '23:41:07'] }),
  },
  {
    what: 'revoking the access of a client (XEP-0494)',
    given: iq('set', "<revoke xmlns='urn:xmpp:cam:0' id='c1'/>"),
    ...everywhere({ shows: ["<revoke xmlns='urn:xmpp:cam:0' id='c1'/>"] }),
  },
  {
    what: 'a forwarded mention (XEP-0452)',
    direction: 'to-client',
    given: message(`<mentions xmlns='urn:xmpp:mmn:0'><forwarded xmlns='urn:xmpp:forward:0'><message ${client} from='room@muc.example/n' type='groupchat'><body>Alice?</body></message></forwarded></mentions>`, ''),
    ...everywhere({ shows: ["<mentions xmlns='urn:xmpp:mmn:0'>", 'Alice?'] }),
  },
  {
    what: 'a search for nodes of a type (XEP-0462)',
    given: iq('get', "<query xmlns='http://jabber.org/protocol/disco#items'><filter xmlns='urn:xmpp:pubsub-filter:0'><x xmlns='jabber:x:data' type='submit'><field var='included-types'><value>urn:xmpp:microblog:0</value></field></x></filter></query>"),
    ...everywhere({ shows: ["<filter xmlns='urn:xmpp:pubsub-filter:0'>", 'urn:xmpp:microblog:0'] }),
  },
  {
    what: 'the version of a room’s lists (XEP-0463)',
    given: `<presence ${client} to='room@muc.example/n'><x xmlns='http://jabber.org/protocol/muc'><mav xmlns='urn:xmpp:muc:affiliations:1' since='v7'/></x></presence>`,
    ...everywhere({ shows: ["<mav xmlns='urn:xmpp:muc:affiliations:1' since='v7'/>"] }),
  },
  {
    what: 'a subscription that others may see (XEP-0465, XEP-0376)',
    given: iq('set', "<pam xmlns='urn:xmpp:pam:0' jid='c@b.example'><subscribe xmlns='http://jabber.org/protocol/pubsub' node='urn:xmpp:microblog:0' jid='me@provider.example'><public xmlns='urn:xmpp:pps:0'/></subscribe></pam>"),
    balanced: { shows: ["<public xmlns='urn:xmpp:pps:0'/>"] },
    strict: { shows: ["jid='c@b.example'", "node='urn:xmpp:microblog:0'"], hides: ['urn:xmpp:pps:0'] },
  },
  {
    what: 'a reaction to a publication (XEP-0470)',
    given: publish('urn:xmpp:pubsub-attachments:1/xmpp:c@b.example?;item=i1', "<attachments xmlns='urn:xmpp:pubsub-attachments:1'><noticed timestamp='2026-03-10T23:41:07Z'/><reactions><reaction>x</reaction></reactions></attachments>"),
    balanced: { shows: ['<reaction>x</reaction>', '23:00:00Z'], hides: ['23:41'] },
    strict: { shows: ['<reaction>x</reaction>', '<noticed/>'], hides: ['2026'] },
  },
  {
    what: 'a text in another form (XEP-0481)',
    given: message("<body>Note</body><content xmlns='urn:xmpp:content' type='text/markdown'>**Note** marker</content>"),
    balanced: { shows: ['**Note** marker'] },
    strict: { shows: ['<body>Note</body>'], hides: ['marker'] },
  },
  {
    what: 'the standing of an account (XEP-0489)',
    direction: 'to-client',
    given: `<presence ${client} from='c@b.example' type='subscribe'><info xmlns='urn:xmpp:raa:0' affiliation='registered' since='2026-06-27T00:00:00Z'/></presence>`,
    ...everywhere({ shows: ["affiliation='registered'"] }),
  },
  {
    what: 'a question for it',
    given: iq('get', "<query xmlns='urn:xmpp:raa:0'/>"),
    ...everywhere({ shows: ["<query xmlns='urn:xmpp:raa:0'/>"] }),
  },
  {
    what: 'items of a space (XEP-0503)',
    direction: 'to-client',
    given: iq('result', "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='dev'><item id='r@muc.example'><conference xmlns='urn:xmpp:bookmarks:1' name='Dev'><extensions><pinned xmlns='urn:xmpp:bookmarks-pinning:0'/></extensions></conference></item><item id='n'><subscription xmlns='urn:xmpp:pubsub:subscription:0' server='ps.example' node='news'/></item></items></pubsub>"),
    ...everywhere({ shows: ["name='Dev'", '<pinned ', "node='news'"] }),
  },
  {
    what: 'the parent of a room (XEP-0503)',
    direction: 'to-client',
    given: iq('result', "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='conference' type='text'/><feature var='urn:xmpp:spaces:0'/><x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:spaces:0</value></field><field var='parent'><value>xmpp:ps.example?;node=dev</value></field></x></query>"),
    ...everywhere({ shows: ['xmpp:ps.example?;node=dev'] }),
  },
  {
    what: 'a subscription by invitation (XEP-0379)',
    given: `<presence ${client} to='c@b.example' type='subscribe'><preauth xmlns='urn:xmpp:pars:0' token='t1'/></presence>`,
    ...everywhere({ shows: ["<preauth xmlns='urn:xmpp:pars:0' token='t1'/>"] }),
  },
  {
    what: 'a registration by invitation (XEP-0445)',
    given: iq('set', "<preauth xmlns='urn:xmpp:pars:0' token='t1'/>"),
    ...everywhere({ shows: ["token='t1'"] }),
  },
  {
    what: 'a temporary address (XEP-0383)',
    direction: 'to-client',
    given: iq('result', "<identity xmlns='urn:xmpp:burner:0'><jid>x1@b.example</jid></identity>"),
    ...everywhere({ shows: ['<jid>x1@b.example</jid>'] }),
  },
  {
    what: 'what a form may hold (XEP-0122)',
    direction: 'to-client',
    given: iq('result', "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='form'><field var='day' type='text-single'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:date'><range min='2026-01-01'/></validate></field></x></query>"),
    ...everywhere({ shows: ["<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:date'><range min='2026-01-01'/></validate>"] }),
  },
  {
    what: 'a publication encrypted for some (XEP-0477)',
    given: publish('urn:xmpp:microblog:0', "<encrypted xmlns='urn:xmpp:pte:0' by='me@provider.example' type='urn:xmpp:omemo:2'><encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='a@b.example'><key rid='2'>AA</key></keys></header><payload>CC</payload></encrypted></encrypted>"),
    ...everywhere({ shows: ["<encrypted xmlns='urn:xmpp:pte:0'", '<payload>CC</payload>'] }),
  },
  {
    what: 'a post and the program that wrote it (XEP-0472)',
    given: publish('urn:xmpp:microblog:0', "<entry xmlns='http://www.w3.org/2005/Atom'><title type='text'>Ball</title><updated>2026-03-10T23:41:07Z</updated><generator version='42'>marker</generator></entry>"),
    passthrough: { shows: ['marker', '23:41:07'] },
    balanced: { shows: ['Ball', '23:00:00Z'], hides: ['marker', '42', '23:41'] },
    strict: { shows: ['Ball', '2026-03-10T00:00:00Z'], hides: ['marker', '42', '23:41'] },
  },
  {
    what: 'telephone numbers in presence (XEP-0152)',
    given: `<presence ${client}><reach xmlns='urn:xmpp:reach:0'><addr uri='tel:marker'/></reach></presence>`,
    passthrough: { shows: ['tel:marker'] },
    balanced: { shows: ['<presence'], hides: ['marker'] },
    strict: { shows: ['<presence'], hides: ['marker'] },
  },
  {
    what: 'text while it is typed (XEP-0301)',
    given: message("<body>hi</body><rtt xmlns='urn:xmpp:rtt:0' event='new' seq='1'><t>marker</t></rtt>"),
    passthrough: { shows: ['marker'] },
    balanced: { shows: ['<body>hi</body>'], hides: ['marker'] },
    strict: { shows: ['<body>hi</body>'], hides: ['marker'] },
  },
  {
    what: 'a sticker (XEP-0449)',
    given: message("<body>:)</body><sticker xmlns='urn:xmpp:stickers:0' pack='marker'/>"),
    balanced: { shows: ['marker'] },
    strict: { shows: ['<body>:)</body>'], hides: ['marker'] },
  },
  {
    what: 'a preview with its words (XEP-0511)',
    given: message("<body>x</body><r:Description xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:og='https://ogp.me/ns#' r:about='https://a.example/'><og:title>marker</og:title></r:Description>"),
    passthrough: { shows: ["r:about='https://a.example/'", 'marker'] },
    balanced: { shows: ['<body>x</body>'], hides: ['marker', 'a.example/'] },
  },
  {
    what: 'a new address (XEP-0283)',
    given: `<presence ${client} to='c@b.example' type='subscribe'><moved xmlns='urn:xmpp:moved:1'><old-jid>old@c.example</old-jid></moved></presence>`,
    ...everywhere({ shows: ['<old-jid>old@c.example</old-jid>'] }),
  },
  {
    what: 'the answer to a challenge (XEP-0158)',
    given: iq('set', "<captcha xmlns='urn:xmpp:captcha'><x xmlns='jabber:x:data' type='submit'><field var='ocr'><value>7nHL3</value></field></x></captcha>"),
    ...everywhere({ shows: ['7nHL3'] }),
  },
  {
    what: 'a picture to answer it from (XEP-0221)',
    direction: 'to-client',
    given: message("<body>x</body><captcha xmlns='urn:xmpp:captcha'><x xmlns='jabber:x:data' type='form'><field var='ocr'><media xmlns='urn:xmpp:media-element'><uri type='image/jpeg'>https://b.example/c.jpg</uri></media></field></x></captcha>", ''),
    ...everywhere({ shows: ['https://b.example/c.jpg'] }),
  },
  {
    what: 'the hash of a key for a call (XEP-0262)',
    given: jingle('session-initiate', "<content creator='initiator' name='voice'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><encryption><zrtp-hash xmlns='urn:xmpp:jingle:apps:rtp:zrtp:1' version='1.10'>fe30</zrtp-hash></encryption></description></content>"),
    ...everywhere({ shows: ['>fe30</zrtp-hash>'] }),
  },
  {
    what: 'the order of items (XEP-0413)',
    given: iq('get', "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/><order xmlns='urn:xmpp:order-by:1' by='creation'/></pubsub>"),
    ...everywhere({ shows: ["by='creation'"] }),
  },
  {
    what: 'answers to choose from (XEP-0439)',
    direction: 'to-client',
    given: message("<body>Merge?</body><response xmlns='urn:xmpp:tmp:quick-response' value='yes' label='Sure'/><action xmlns='urn:xmpp:tmp:quick-response' id='merge' label='Merge'/>"),
    ...everywhere({ shows: ["label='Sure'", "id='merge'"] }),
  },
]; // prettier-ignore

const cases = samples.flatMap(({ what, direction = 'to-gatekeeper', given, ...seen }) =>
  (['passthrough', 'balanced', 'strict'] as const).flatMap((policy) => {
    const expected = seen[policy];
    return expected === undefined ? [] : [{ what, policy, direction, given, expected }];
  }),
);

describe('of what another protocol sends', () => {
  it.each(cases)('$what, $policy', ({ policy, direction, given, expected }) => {
    const { after } = pass(deciderFor(openPolicy(policy), direction), given);
    for (const text of expected.shows ?? []) expect(after).toContain(text);
    for (const text of expected.hides ?? []) expect(after).not.toContain(text);
  });
});

describe('a publication of which nothing may be seen', () => {
  const violation = `<error type='modify'><policy-violation ${conditions}/></error>`;

  it.each(['balanced', 'strict'])('is refused as policy, not as if there were no service: %s', (policy) => {
    const { after, reply } = pass(
      deciderFor(openPolicy(policy), 'to-gatekeeper'),
      publish('urn:example:0', "<x xmlns='urn:example:0'>marker</x>"),
    );
    expect(after).toBe('');
    expect(reply).toContain(violation);
    expect(reply).not.toContain('marker');
  });

  it.each(['balanced', 'strict'])('is refused too where the payload has no namespace: %s', (policy) => {
    const { after, reply } = pass(
      deciderFor(openPolicy(policy), 'to-gatekeeper'),
      publish('urn:example:0', "<noticed timestamp='2026-03-10T23:41:07Z'/>"),
    );
    expect(after).toBe('');
    expect(reply).toContain(violation);
  });

  it('has no text that leaves', () => {
    const { after } = pass(
      deciderFor(openPolicy('strict'), 'to-gatekeeper'),
      publish('urn:example:0', 'marker'),
    );
    expect(after).not.toContain('marker');
  });

  it('is refused alike where its payload is a field', () => {
    const avatar = publish('urn:xmpp:avatar:data', "<data xmlns='urn:xmpp:avatar:data'>QUFB</data>");
    expect(pass(deciderFor(openPolicy('strict'), 'to-gatekeeper'), avatar).reply).toContain(violation);
  });

  it('differs from a request of an unknown protocol', () => {
    const { reply } = pass(
      deciderFor(openPolicy('strict'), 'to-gatekeeper'),
      iq('set', "<x xmlns='urn:example:0'/>"),
    );
    expect(reply).toContain(`<service-unavailable ${conditions}/>`);
  });
});
