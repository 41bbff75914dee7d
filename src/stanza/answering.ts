/** Which stanzas an element answers or acknowledges, by its protocol's data. */
import type { Answering } from './protocol.ts';
import type { Stanza } from './stanza.ts';

/** Returns how an element answers other stanzas; undefined when it does not. */
export function answering(stanza: Stanza): Answering | undefined {
  const answers = stanza.row?.answers;
  if (answers === undefined) return undefined;
  return answersWith(answers, stanza.attributeValue(0, 'type') ?? '') ? answers : undefined;
}

/** Returns whether an element with this `type` answers other stanzas. */
export function answersWith({ types, exceptTypes }: Answering, type: string): boolean {
  return (types === undefined || types.includes(type)) && exceptTypes?.includes(type) !== true;
}

/** Returns the kind of the stanzas that an element of its row answers: its own kind where the row names none. */
export function answeredKind(stanza: Stanza): string {
  const of = stanza.row?.answers?.of ?? stanza.kind;
  return typeof of === 'string' ? of : (stanza.attributeValue(0, of.attribute) ?? '');
}
