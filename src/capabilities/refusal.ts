/** Refuses content that a client cannot receive: by the error for its sender, or by edits that leave a readable
 *  notice. */
import { escapeAttribute } from '../stanza/decode.ts';
import { removeAttribute, removeElement, replaceElement } from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import { ownBytes } from '../stanza/own-bytes.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { fallbackNamespace, textRanges } from '../stanza/text-ranges.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { ContentKind } from './content-kinds.ts';

/** Namespace of the application-specific condition in the errors (RFC 6120 §8.3.4). */
const contentErrorNamespace = 'urn:narthex:content:0';

/** Writes the error for a message or an iq set (RFC 6120 §8.3), addressed to its sender. `feature-not-implemented`
 *  means that the kind is not received at all, `not-acceptable` that another type or a smaller size would be. The
 *  payload is not repeated. The application condition names the first refusal, in the proxy's words. */
export function bounce(stanza: Stanza, refusals: readonly { kind: string; reason: string }[]): Uint8Array {
  const name = stanza.kind;
  const modifiable = refusals.every(({ reason }) => reason !== 'kind');
  const condition = modifiable
    ? `<error type='modify'><not-acceptable xmlns='${ns.stanzaErrors}'/>`
    : `<error type='cancel'><feature-not-implemented xmlns='${ns.stanzaErrors}'/>`;
  const attributes = [
    back(stanza, 'to', 'from'),
    back(stanza, 'from', 'to'),
    back(stanza, 'id', 'id'),
    ` type='error'`,
  ].join('');
  const details = refusals
    .slice(0, 1)
    .map(
      ({ kind, reason }) =>
        `<unsupported xmlns='${contentErrorNamespace}' kind='${kind}' reason='${reason}'/>`,
    );
  return ownBytes(
    `<${name} xmlns='${ns.client}'${attributes}>${condition}${details.join('')}</error></${name}>`,
  );
}

function back(stanza: Stanza, written: string, read: string): string {
  const value = stanza.attributeValue(0, read);
  return value === undefined ? '' : ` ${written}='${escapeAttribute(value)}'`;
}

/** A refused kind and the stanza's child that shows it. */
export interface RefusedChild {
  readonly kind: ContentKind;
  readonly child: number;
}

/** What remains of a message: the edits, and whether they leave anything that a person could read. */
interface Remainder {
  readonly edits: readonly Edit[];
  readonly isReadable: boolean;
}

/** Removes the refused children from a message and, for kinds that want one, puts a notice in place of the body.
 *  @param message tape index
 *  @param body tape index of the message's body, -1 without one */
export function fallback(
  stanza: Stanza,
  message: number,
  body: number,
  refused: readonly RefusedChild[],
): Remainder {
  const notices = refused.filter(({ kind }) => kind.fallback === 'notice').map(({ kind }) => kind.name);
  const children = new Set(refused.map(({ child }) => child));
  children.delete(body);
  const markers = staleMarkers(stanza, message, children, notices.length > 0);
  const edits = [...children, ...markers.elements].map((child) => removeElement(stanza, child));
  edits.push(...markers.attributes.map((attribute) => removeAttribute(stanza, attribute)));
  if (notices.length === 0) {
    const gone = new Set([...children, ...markers.elements]);
    return { edits, isReadable: body !== -1 || leavesSomething(stanza, message, gone) };
  }
  const notice = Buffer.from(`<body xmlns='${ns.client}'>[${[...new Set(notices)].join(', ')}]</body>`);
  if (body !== -1) edits.push(replaceElement(stanza, body, notice));
  else edits[0] = { ...edits[0]!, replacement: notice };
  return { edits, isReadable: true };
}

/** Finds references to a body that are wrong after the change. In a replaced body no position is right, and text marked
 *  as a fallback would be hidden; where a child is removed, its fallback text must be shown.
 *  @returns tape indexes of children and of attributes */
function staleMarkers(
  stanza: Stanza,
  message: number,
  removed: ReadonlySet<number>,
  isReplaced: boolean,
): { readonly elements: ReadonlySet<number>; readonly attributes: readonly number[] } {
  const gone = new Set([...removed].map((child) => stanza.namespaceName(child)));
  const elements = new Set<number>();
  const attributes: number[] = [];
  for (const { text, holder, kind, bounds } of textRanges(stanza, message)) {
    if (removed.has(holder)) continue;
    const isFor = stanza.is(holder, fallbackNamespace, 'fallback') && stanza.attributeValue(holder, 'for');
    if (kind === 'marker' && ((isReplaced && text === 'body') || (isFor && gone.has(isFor))))
      elements.add(holder);
    else if (kind === 'reference' && isReplaced) attributes.push(...bounds.map(({ attribute }) => attribute));
  }
  return { elements, attributes };
}

/** Namespaces of elements that servers and clients add to content: ids, times and routing hints. */
const annotations: ReadonlySet<string> = new Set([
  'urn:xmpp:sid:0',
  'urn:xmpp:occupant-id:0',
  'urn:xmpp:delay',
  'urn:xmpp:hints',
]);

function leavesSomething(stanza: Stanza, message: number, removed: ReadonlySet<number>): boolean {
  for (let at = stanza.firstChild(message); at !== -1; at = stanza.nextSibling(at))
    if (!removed.has(at) && !annotations.has(stanza.namespaceName(at))) return true;
  return false;
}
