/** The XML form of a node of the chat channel: lossless in both directions, and canonical.
 *
 *      node                 <message to='…' n:xmlns='w:m'>…</message>
 *      child nodes          child elements
 *      bytes                base64; no bytes at all: <enc n:content='bytes'/>
 *      text that the wire   <status n:content='text'>available</status>
 *        marks as text      (text-base64 where XML 1.0 cannot represent a character)
 *      tag that is no name  <n:node tag='stream:error'/>, or tag64
 *      attribute that XML cannot represent
 *                           a first child <n:a name='…' b64='…'/>, or name64
 *
 *  Names are ASCII names of XML 1.0 without a colon. The wire's `xmlns` is an ordinary attribute; in XML it would
 *  rename the element, so it is written `n:xmlns`. The stream header declares both namespaces. */
import { escapeAttribute } from '../stanza/decode.ts';

/** Prefix of the namespace of marks. */
export const markPrefix = 'n';

/** Returns whether a tag or attribute name is a name in the XML form. */
export function isXmlName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name);
}

/** Returns whether XML 1.0 (§2.2) can represent every character of a text, by a reference where needed. */
export function isXmlText(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);
}

/** Returns the attribute of a mark with a name: `tag='…'`, or `tag64='…'` where XML lacks a character. */
export function nameMark(attribute: 'tag' | 'name', name: string): string {
  return isXmlText(name)
    ? ` ${attribute}='${escapeAttribute(name)}'`
    : ` ${attribute}64='${Buffer.from(name).toString('base64')}'`;
}
