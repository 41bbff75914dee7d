/** Attributes whose value XML lacks the characters for. The XML form of the chat channel has each of them as a first
 *  child: `<n:a name='id' b64='AQ=='/>`. */
import { ns } from './namespaces.ts';
import type { Stanza } from './stanza.ts';

/** Returns the base64 of the stanza's attribute that is written as a child; undefined without one. */
export function markedValue(stanza: Stanza, name: string): string | undefined {
  const marks = stanza.names.namespace(ns.chatMarks);
  for (let at = stanza.firstChild(); at !== -1; at = stanza.nextSibling(at)) {
    if (stanza.namespaceOf(at) !== marks || marks === 0) return undefined;
    if (stanza.attributeValue(at, 'name') === name) return stanza.attributeValue(at, 'b64');
  }
  return undefined;
}

/** Writes an attribute as a child. */
export function writeMarked(name: string, base64: string): string {
  return `<a xmlns='${ns.chatMarks}' name='${name}' b64='${base64}'/>`;
}
