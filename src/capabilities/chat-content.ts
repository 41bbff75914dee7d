/** Judges content of the chat channel by what a stanza shows without decryption: the type of a message, the class of its
 *  content, calls, receipts and typing. The words are reverse-engineered, and a provider can change the table. */
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { ChatSign, ContentKind, ContentKinds } from './content-kinds.ts';
import type { CapabilityProfile } from './profile.ts';

/** What one stanza shows. */
interface Shown {
  readonly stanza: string;
  readonly type: string;
  readonly media: readonly string[];
  readonly edit: string;
  readonly server: string;
  readonly offer: string;
}

/** Returns the names of the kinds that a stanza shows and a client of this profile does not receive; empty when it may
 *  be delivered. Media of an unknown class may be of any kind that has files, so they are refused where none is
 *  received. */
export function refusedKinds(
  stanza: Stanza,
  { kinds }: ContentKinds,
  { receives }: Pick<CapabilityProfile, 'receives'>,
): readonly string[] {
  if (stanza.namespaceName(0) !== ns.chat || !judged.has(stanza.kind)) return [];
  const shown = shownBy(stanza);
  const all = [...kinds.values()];
  const found = all.filter(({ chat }) => chat.some((sign) => holds(sign, shown)));
  if (isUnknownMedia(shown, all)) {
    const files = all.filter(({ media }) => media.length > 0);
    if (!files.some(({ name }) => receives.has(name))) found.push(...files);
  }
  return found.filter(({ name }) => !receives.has(name)).map(({ name }) => name);
}

/** Returns whether a client of this profile receives read receipts: a kind that a receipt of type `read` shows. */
export function receivesReadReceipts(
  { kinds }: ContentKinds,
  { receives }: Pick<CapabilityProfile, 'receives'>,
): boolean {
  return [...kinds.values()].some(
    ({ name, chat }) =>
      receives.has(name) && chat.some(({ stanza, type }) => stanza === 'receipt' && type === 'read'),
  );
}

const judged: ReadonlySet<string> = new Set(['message', 'receipt', 'chatstate', 'call']);

function shownBy(stanza: Stanza): Shown {
  const from = stanza.attributeValue(0, 'from') ?? '';
  const offers = [...stanza.children()].filter((child) => stanza.is(child, ns.chat, 'offer'));
  const hasVideo = offers.some((offer) =>
    [...stanza.children(offer)].some((child) => stanza.is(child, ns.chat, 'video')),
  );
  return {
    stanza: stanza.kind,
    type: stanza.attributeValue(0, 'type') ?? '',
    media: stanza.kind === 'message' ? mediaIn(stanza) : [],
    edit: stanza.attributeValue(0, 'edit') ?? '',
    server: from.slice(from.lastIndexOf('@') + 1),
    offer: offers.length === 0 ? '' : hasVideo ? 'video' : 'audio',
  };
}

/** Returns the classes of the encrypted contents of a message. */
function mediaIn(stanza: Stanza): string[] {
  return [...stanza.elements()].flatMap((element) =>
    stanza.is(element, ns.chat, 'enc') ? (stanza.attributeValue(element, 'mediatype') ?? []) : [],
  );
}

function holds({ stanza, type, media, edit, server, offer }: ChatSign, shown: Shown): boolean {
  return (
    stanza === shown.stanza &&
    (type === undefined || type === shown.type) &&
    (media === undefined || shown.media.includes(media)) &&
    (edit === undefined || edit === shown.edit) &&
    (server === undefined || server === shown.server) &&
    (offer === undefined || offer === shown.offer)
  );
}

function isUnknownMedia({ stanza, type, media }: Shown, kinds: readonly ContentKind[]): boolean {
  if (stanza !== 'message' || type !== 'media') return false;
  const known = kinds.flatMap(({ chat }) => chat.map((sign) => sign.media));
  return !media.some((each) => known.includes(each));
}
