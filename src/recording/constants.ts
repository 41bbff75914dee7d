/** Values that a recording has as they are, because a protocol defines them and not a person: words of enumerations,
 *  names of namespaces and features, and what the catalogue compares with. Everything else is a token. */

/** Words by the local name of the attribute. */
export const attributeWords: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    type: [
      'chat', 'error', 'groupchat', 'headline', 'normal', 'get', 'set', 'result',
      'subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'unavailable', 'probe',
      'auth', 'cancel', 'continue', 'modify', 'wait', 'form', 'submit',
      'boolean', 'fixed', 'hidden', 'jid-multi', 'jid-single', 'list-multi', 'list-single',
      'text-multi', 'text-private', 'text-single',
      'pc', 'phone', 'web', 'bot', 'console', 'game', 'handheld', 'sms', 'tablet', 'im', 'text', 'pep', 'file',
      'host', 'prflx', 'relay', 'srflx', 'proxy', 'direct', 'assisted', 'data', 'mention',
      'image/jpeg', 'image/png', 'image/webp', 'text/plain',
      'available', 'media', 'poll', 'reaction', 'event', 'msg', 'pkmsg', 'skmsg', 'inactive', 'read', 'read-self', 'played',
      'sender', 'retry', 'server-error', 'devices', 'encrypt', 'picture', 'status', 'contacts', 'account_sync',
      'privacy_token', 'w:gp2',
    ],
    mediatype: ['image', 'video', 'gif', 'ptt', 'audio', 'document', 'sticker', 'location', 'livelocation', 'vcard', 'contact_array', 'url'],
    class: ['message', 'receipt', 'notification', 'call'],
    category: ['account', 'client', 'conference', 'directory', 'gateway', 'headline', 'hierarchy', 'proxy', 'pubsub', 'server', 'store', 'component', 'automation'],
    version: ['1.0'],
    affiliation: ['owner', 'admin', 'member', 'outcast', 'none', 'publisher', 'publish-only'],
    role: ['moderator', 'participant', 'visitor', 'none', 'initiator', 'responder'],
    subscription: ['both', 'from', 'none', 'remove', 'to', 'subscribed', 'unconfigured', 'pending'],
    ask: ['subscribe'],
    action: [
      'content-accept', 'content-add', 'content-modify', 'content-reject', 'content-remove', 'description-info',
      'security-info', 'session-accept', 'session-info', 'session-initiate', 'session-terminate',
      'transport-accept', 'transport-info', 'transport-reject', 'transport-replace',
      'cancel', 'complete', 'execute', 'next', 'prev',
    ],
    creator: ['initiator', 'responder'],
    senders: ['both', 'initiator', 'none', 'responder'],
    status: ['canceled', 'completed', 'executing'],
    hash: ['sha-1', 'sha-256', 'sha-512'],
    algo: ['sha-1', 'sha-256', 'sha-512', 'sha3-256', 'blake2b-256'],
    media: ['audio', 'video'],
    protocol: ['tcp', 'udp'],
    // Marks of the XML form of the chat channel.
    content: ['bytes', 'text', 'text-base64'],
    'media-type': ['image/jpeg', 'image/png', 'image/webp'],
    code: [
      '100', '101', '102', '103', '104', '110', '170', '171', '172', '173', '174', '201', '210', '301', '303', '307',
      '321', '322', '332', '333',
    ],
  }).map(([name, values]) => [name, new Set(values)]),
); // prettier-ignore

/** Words that say yes or no, in any attribute or text. */
export const truthWords: ReadonlySet<string> = new Set(['true', 'false']);

/** Words by the local name of the element whose text they are. */
export const textWords: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['show', new Set(['away', 'chat', 'dnd', 'xa'])],
  [
    'mechanism',
    new Set([
      'ANONYMOUS', 'EXTERNAL', 'PLAIN', 'OAUTHBEARER', 'SCRAM-SHA-1', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256',
      'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-512', 'SCRAM-SHA-512-PLUS', 'X-OAUTH2', 'HT-SHA-256-NONE', 'HT-SHA-256-EXPR',
      'HT-SHA-256-ENDP', 'HT-SHA-256-UNIQ',
    ]),
  ],
  ['media-type', new Set(['image/jpeg', 'image/png', 'image/webp', 'text/plain', 'video/mp4', 'audio/mp4'])],
]); // prettier-ignore

/** Mechanisms are named in attributes as well. */
export const mechanismWords: ReadonlySet<string> = textWords.get('mechanism')!;

/** Local names of elements and attributes that the catalogue selects by their namespace alone: conditions of errors
 *  (RFC 6120 §4.9.3, §6.5, §8.3.3), and what stanzas of widespread extensions have. */
export const protocolNames: ReadonlySet<string> = new Set([
  'bad-request', 'conflict', 'feature-not-implemented', 'forbidden', 'gone', 'internal-server-error',
  'item-not-found', 'jid-malformed', 'not-acceptable', 'not-allowed', 'not-authorized', 'policy-violation',
  'recipient-unavailable', 'redirect', 'registration-required', 'remote-server-not-found', 'remote-server-timeout',
  'resource-constraint', 'service-unavailable', 'subscription-required', 'undefined-condition',
  'unexpected-request', 'bad-format', 'connection-timeout', 'host-unknown', 'not-well-formed', 'reset',
  'system-shutdown', 'aborted', 'account-disabled', 'credentials-expired', 'encryption-required',
  'incorrect-encoding', 'invalid-authzid', 'invalid-mechanism', 'malformed-request', 'mechanism-too-weak',
  'temporary-auth-failure', 'text', 'optional', 'required', 'item', 'items', 'field', 'value', 'x', 'query', 'set',
  'after', 'before', 'first', 'last', 'count', 'index', 'code', 'by', 'stamp', 'name', 'label', 'desc', 'option',
  'priority', 'show', 'status', 'subject', 'thread', 'body', 'group', 'category', 'payload', 'header', 'key', 'iv',
  'keys', 'device', 'devices', 'list', 'bundle', 'sid', 'rid', 'kex', 'prekey', 'xmlns', 'var', 'active', 'composing',
  'gone', 'inactive', 'paused', 'initial-response', 'authorization-identifier', 'software', 'user-agent',
  'username', 'password', 'email',
]); // prettier-ignore

/** Attributes that hold a JID, also one without `@`. */
export const jidAttributes: ReadonlySet<string> = new Set([
  'by',
  'from',
  'participant',
  'recipient',
  'jid',
  'owner',
  'to',
  'host',
  'with',
]);

/** Attributes with secrets, of which only the length is recorded. */
export const secretAttributes: ReadonlySet<string> = new Set([
  'challenge', 'key', 'password', 'pwd', 'secret', 'token',
]); // prettier-ignore

/** Form fields with secrets, by `var`. */
export const secretFields: ReadonlySet<string> = new Set(['secret', 'password', 'muc#roomconfig_roomsecret']);

/** Elements with a text of which only the length is recorded: bodies, ciphertexts, keys, secrets and files. By
 *  namespace, or by the beginning of one where it ends with `*`; the local names, or none for all. */
export const lengthOnly: readonly (readonly [namespace: string, locals?: readonly string[]])[] = [
  ['jabber:client', ['body']],
  // Bytes in base64, whatever they are.
  ['urn:narthex:chat:0'],
  ['http://www.w3.org/1999/xhtml'],
  ['urn:xmpp:content'],
  ['urn:xmpp:rtt:0'],
  ['urn:xmpp:spoiler:0'],
  ['eu.siacs.conversations.axolotl*'],
  ['urn:xmpp:omemo:*'],
  ['urn:xmpp:openpgp:*'],
  ['urn:xmpp:ox:*'],
  ['jabber:x:encrypted'],
  ['jabber:x:signed'],
  ['urn:xmpp:pte:0'],
  ['urn:xmpp:esfs:0', ['key', 'iv']],
  ['urn:ietf:params:xml:ns:xmpp-sasl', ['auth', 'challenge', 'response', 'success']],
  ['urn:xmpp:sasl:2', ['initial-response', 'challenge', 'response', 'additional-data']],
  ['urn:xmpp:sasl:upgrade:0'],
  ['urn:xmpp:scram-upgrade:0'],
  ['urn:xmpp:fast:0'],
  ['urn:xmpp:pars:0'],
  ['jabber:iq:register'],
  ['jabber:iq:auth'],
  ['jabber:iq:private'],
  ['urn:narthex:signals:0'],
  ['http://jabber.org/protocol/muc', ['password']],
  ['http://jabber.org/protocol/muc#user', ['password']],
  ['http://jabber.org/protocol/ibb'],
  ['urn:xmpp:bob'],
  ['urn:xmpp:avatar:data'],
  ['vcard-temp', ['BINVAL', 'KEY', 'CRED']],
  ['http://jabber.org/protocol/bytestreams', ['udpsuccess']],
];
