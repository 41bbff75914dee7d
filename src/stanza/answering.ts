/** Which stanzas an element answers or acknowledges, by its protocol's data. */
import type { Answering } from './protocol.ts';
import type { Stanza } from './stanza.ts';

/** Returns how an element answers other stanzas; undefined when it does not. */
export function answering(stanza: Stanza): Answering | undefined {
  const answers = stanza.row?.answers;
  if (answers === undefined) return undefined;
  const { types, exceptTypes } = answers;
  const type = stanza.attributeValue(0, 'type') ?? '';
  return (types === undefined || types.includes(type)) && exceptTypes?.includes(type) !== true
    ? answers
    : undefined;
}

/** Returns the kind of the stanzas that an element of its row answers: its own kind where the row names none. */
export function answeredKind(stanza: Stanza): string {
  const of = stanza.row?.answers?.of ?? stanza.kind;
  return typeof of === 'string' ? of : (stanza.attributeValue(0, of.attribute) ?? '');
}
