/** One message per content kind, as clients write them: what stands between the tags of a message. */
export const sfs = (type: string, size: number) =>
  `<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'><media-type>${type}</media-type><size>${size}</size></file></file-sharing>`;
export const oob = "<x xmlns='jabber:x:oob'><url>https://files.example/a</url></x>";
export const omemo =
  "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AAAA</payload></encrypted><body>I sent you an OMEMO encrypted message</body>";
const propose = (media: string) =>
  `<propose xmlns='urn:xmpp:jingle-message:0' id='c1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='${media}'/></propose>`;

export const samples: Record<string, string> = {
  text: '<body>hello</body>',
  image: sfs('image/png', 10),
  video: sfs('video/mp4', 10),
  voice: sfs('audio/ogg', 10),
  file: sfs('application/pdf', 10),
  sticker: `<sticker xmlns='urn:xmpp:stickers:0' pack='p'/>${sfs('image/png', 10)}`,
  reaction: "<reactions xmlns='urn:xmpp:reactions:0' id='m0'><reaction>+</reaction></reactions>",
  reply: "<reply xmlns='urn:xmpp:reply:0' id='m0'/>",
  edit: "<replace xmlns='urn:xmpp:message-correct:0' id='m0'/>",
  retract: "<retract xmlns='urn:xmpp:message-retract:1' id='m0'/>",
  receipts: "<received xmlns='urn:xmpp:receipts' id='m0'/>",
  typing: "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
  location: "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>1</lat></geoloc>",
  contact: "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>",
  'audio-call': propose('audio'),
  'video-call': propose('video'),
  group: "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
};
