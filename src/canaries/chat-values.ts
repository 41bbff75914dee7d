/** Where the examples of the chat channel have their value, as values.ts has it for XMPP. Content of an element is bytes,
 *  which the XML form has in base64. */
import type { Value } from './values.ts';

const noValue = { unmarked: 'the time of the answer' } as const;
/** The id of a further message that a receipt is about. That of the first is in the acknowledgement that the proxy sends
 *  in the place of a receipt. */
const furtherId: Value = ['/>', "><list><item id='{word}'/></list></receipt>"];
const device: Value = ["jid='15551:2@", "jid='{word}:2@"];
const content = (element: string): Value => [`<${element}/>`, `<${element}>{bytes}</${element}>`];

export const chatValues: Readonly<Record<string, Value>> = {
  'jid.bare': ['15551@', '{word}@'],
  'participants.list': device,
  'participants.hash': ['2:abcdefgh', '2:{word}'],
  'id.message': ['3EB0C0FFEE', '{word}'],
  'content.type': ["type='poll'", "type='{word}'"],
  'content.encrypted': ['>MwoQ<', '>{bytes}<'],
  // With another type than `poll`, which a profile of capabilities may lack.
  'content.meta': ["type='poll'><meta polltype='marker'", "type='text'><meta polltype='{word}'"],
  'content.session': ["type='pkmsg'", "type='{word}'"],
  'content.edit': ["edit='1'", "edit='{word}'"],
  'content.unavailable': ['view_once', '{word}'],
  'keys.device-identity': ['>ChII<', '>{bytes}<'],
  'privacy.token': ['>BAEH<', '>{bytes}<'],
  'report.token': ['>AQEB<', '>{bytes}<'],
  'message.delivery': ["category='peer'", "category='{word}'"],
  'time.stamp': ['1764460801', '{count}'],
  'time.offline': ["offline='7'", "offline='{count}'"],
  'time.read': ['1764460801', '{count}'],
  'presence.available': ["type='available'", "type='available' to='{word}@s.whatsapp.net'"],
  'presence.subscription': ['15551@', '{word}@'],
  'chat-state': content('composing'),
  'receipt.delivered': furtherId,
  'receipt.read': furtherId,
  'receipt.mds': furtherId,
  'receipt.own': furtherId,
  'receipt.retry': ["count='1' id='3EB0C0FFEE'", "count='1' id='{word}'"],
  'answer.ping': noValue,
  'answer.acknowledgement': ["class='receipt' id='3EB0C0FFEE'", "class='message' id='{word}'"],
  'error.condition': ["code='404'", "code='{count}'"],
  blocklist: ['15551@', '{word}@'],
  'muc.membership': content('participants'),
  'push.enable': ["platform='gcm'", "platform='{word}'"],
  'upload.slot': content('media_conn'),
  // An offer is withheld from clients without calls in their profile.
  'call.session':
    "<call xmlns='urn:narthex:chat:0' from='15551@s.whatsapp.net' id='c1'><terminate call-id='{word}'/></call>",
  'stream.ping': content('ping'),
  'stream.passive': content('active'),
  'server.props': ["protocol='1'", "protocol='{word}'"],
  'account.created': ['1764460802', '{count}'],
  'keys.fetch': ['15551@', '{word}@'],
  'keys.notification': device,
  'keys.devices': ['15551@', '{word}@'],
  'privacy.settings': ["value='none'", "value='{word}'"],
  'sync.state': ['1764460801', '{count}'],
  'offline.count': ["count='3'", "count='{count}'"],
  'account.removal': ['user_initiated', '{word}'],
};
