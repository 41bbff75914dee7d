/** The users of the demo and their apps, with everything that the apps would reveal. Juliet is a user of the
 *  provider, and reaches the gatekeeper through the intermediary; Romeo uses the gatekeeper's own app. */
import { ns } from '../../stanza/namespaces.ts';
import type { Software } from '../caps.ts';
import type { HeaderList } from '../http/message.ts';
import { namespaces } from '../namespaces.ts';

export const domain = 'localhost';
export const host = '127.0.0.1';

/** Names of the parties in tokens and attestations. */
export const names = {
  provider: 'https://provider.example',
  intermediary: 'narthex.example',
  gatekeeper: 'gatekeeper.example',
} as const;

export const juliet = {
  username: 'juliet',
  /** Juliet's public identifier: the subject of her ownership tokens. */
  identifier: `juliet@${domain}`,
  /** Her password at her provider; the gatekeeper has none. */
  password: 'R0m30',
  resource: 'balcony-pixel8',
  software: {
    node: 'https://balcony.example/',
    name: 'Balcony 1.4',
    type: 'phone',
    features: [
      ns.caps,
      ns.discoInfo,
      ns.ping,
      namespaces.chatStates,
      namespaces.receipts,
      namespaces.reply,
      namespaces.outOfBand,
      'jabber:iq:version',
      'urn:xmpp:jingle:apps:file-transfer:5',
      'urn:xmpp:omemo:2:devices+notify',
      'urn:balcony:beta-features:9',
    ],
  } satisfies Software,
  /** Headers that her app's HTTP library adds to every request. */
  httpHabits: [
    ['User-Agent', 'Balcony/1.4 (Pixel 8; Android 15; it-IT)'],
    ['Accept-Language', 'it-IT, it;q=0.9'],
    ['Cookie', 'balcony_session=0c7f1e'],
    ['Referer', 'https://balcony.example/chats/17'],
  ] satisfies HeaderList,
} as const;

export const romeo = {
  username: 'romeo',
  identifier: `romeo@${domain}`,
  password: 'J0l13t',
  resource: 'orchard',
  software: {
    node: 'https://orchard.example/',
    name: 'Orchard 7',
    type: 'pc',
    features: [
      ns.caps,
      ns.discoInfo,
      ns.ping,
      namespaces.chatStates,
      namespaces.receipts,
      namespaces.outOfBand,
    ],
  } satisfies Software,
  httpHabits: [['User-Agent', 'Orchard/7 (Verona; romeo-laptop)']] satisfies HeaderList,
} as const;

/** The encrypted texts of the two. */
export const written = {
  juliet: 'O Romeo, Romeo! wherefore art thou Romeo? \u{1F339}',
  romeo: 'I take thee at thy word.',
  look: 'See how she leans her cheek upon her hand!',
} as const;

/** Bytes of the picture: more than the gatekeeper's media proxy requests at once. */
export const pictureBytes = 150_000;
export const pictureName = 'IMG_2041.png';
export const answeredPictureName = 'DSC_0007.png';
