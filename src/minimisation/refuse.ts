/** Writes what the sender of a stanza is owed, in place of its recipient. In XMPP every iq get or set has exactly one
 *  answer (RFC 6120 §8.2.3), and an error is never answered with an error (§8.3.1). On the chat channel a stanza that
 *  its sender would repeat is acknowledged (docs/chat-channel.md). */
import { answering } from '../stanza/answering.ts';
import { escapeAttribute } from '../stanza/decode.ts';
import type { Direction } from '../stanza/direction.ts';
import { replaceContent, setAttribute } from '../stanza/edits.ts';
import { markedValue, writeMarked } from '../stanza/marked-attributes.ts';
import { ownBytes, textOf } from '../stanza/own-bytes.ts';
import { owedBy, type CopiedAttributes, type Owed, type StanzaProtocol } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { StanzaCondition } from './treatment.ts';

/** Returns what refuses a stanza: an error or an acknowledgement with addresses swapped, the same id, nothing of the
 *  payload; undefined when none may be sent: for errors, iq results, nonzas.
 *  @param direction of the stanza */
export function refusal(
  stanza: Stanza,
  direction: Direction,
  condition: StanzaCondition,
): Uint8Array | undefined {
  const form = refusalForm(stanza, direction, stanza.attributeValue(0, 'type') ?? '');
  if (form === undefined) return undefined;
  return ownBytes(writeForm(stanza.protocol, form, condition, copied(stanza, form.attributes)));
}

/** How a refusal is written. */
export interface RefusalForm {
  /** Local name of the stanza. */
  readonly local: string;
  readonly attributes: CopiedAttributes;
  /** Set for an acknowledgement. */
  readonly errorAttribute: string | undefined;
  readonly isAck: boolean;
}

/** Returns the form of a refusal; undefined when none may be sent. */
export function refusalForm(stanza: Stanza, direction: Direction, type: string): RefusalForm | undefined {
  const { row, protocol } = stanza;
  const what = row === undefined ? 'nothing' : owedBy(row, direction, type);
  if (row === undefined || what === 'nothing') return undefined;
  const { local } = row;
  const ack = what === 'ack' ? protocol.acks?.forms[direction] : undefined;
  if (ack === undefined)
    return { local, attributes: protocol.replyAttributes, errorAttribute: undefined, isAck: false };
  const attributes = hasTypeInAck(stanza, type) ? ack.attributes : withoutType(ack.attributes);
  return { local, attributes, errorAttribute: ack.errorAttribute, isAck: true };
}

/** Writes a refusal to a stanza of which only some values are left.
 *  @param value returns the value of an attribute of the stanza
 *  @param marked returns the base64 of one that is written as a child */
export function writeRefusal(
  protocol: StanzaProtocol,
  form: RefusalForm,
  condition: StanzaCondition,
  { value, marked }: Record<'value' | 'marked', (name: string) => string | undefined>,
): Uint8Array {
  let attributes = '';
  let children = '';
  for (const [name, of] of form.attributes) {
    const found = value(of);
    const base64 = found === undefined ? marked(of) : undefined;
    if (found !== undefined) attributes += ` ${name}='${escapeAttribute(found)}'`;
    else if (base64 !== undefined) children += writeMarked(name, base64);
  }
  return ownBytes(writeForm(protocol, form, condition, { attributes, marked: children }));
}

/** Attributes of a reply, and those that are children of it (marked-attributes.ts), as XML. */
interface Copied {
  readonly attributes: string;
  readonly marked: string;
}

function writeForm(
  { namespace, acks, refusalContent }: StanzaProtocol,
  { local, errorAttribute, isAck }: RefusalForm,
  condition: StanzaCondition,
  copies: Copied,
): string {
  if (!isAck || acks === undefined)
    return replyText(namespace, local, 'error', refusalContent(condition), copies);
  const error = errorAttribute === undefined ? '' : ` ${errorAttribute}='${acks.errorCode(condition)}'`;
  const start = `<${acks.local} xmlns='${namespace}' ${acks.classAttribute}='${local}'${copies.attributes}${error}`;
  return copies.marked === '' ? `${start}/>` : `${start}>${copies.marked}</${acks.local}>`;
}

/** Returns whether the sender of the stanza waits for an answer or an acknowledgement. */
export function isOwedAnswer(stanza: Stanza, direction: Direction): boolean {
  const what = owed(stanza, direction);
  return what === 'answer' || what === 'ack';
}

function owed(stanza: Stanza, direction: Direction): Owed {
  const { row } = stanza;
  return row === undefined ? 'nothing' : owedBy(row, direction, stanza.attributeValue(0, 'type') ?? '');
}

/** Writes an answer or a refusal to a stanza: an element of its kind, addressed to its sender.
 *  @param content XML of the proxy's own */
export function writeReply(stanza: Stanza, type: 'result' | 'error', content: string): Uint8Array {
  const { namespace, replyAttributes } = stanza.protocol;
  const copies = copied(stanza, replyAttributes);
  return ownBytes(replyText(namespace, stanza.localName(0), type, content, copies));
}

function replyText(
  namespace: string,
  local: string,
  type: 'result' | 'error',
  content: string,
  { attributes, marked }: Copied,
): string {
  return `<${local} xmlns='${namespace}'${attributes} type='${type}'>${marked}${content}</${local}>`;
}

function withoutType(attributes: CopiedAttributes): CopiedAttributes {
  return attributes.filter(([, of]) => of !== 'type');
}

function hasTypeInAck(stanza: Stanza, type: string): boolean {
  const rule = stanza.row?.typeInAck;
  if (rule === undefined || rule === 'never') return rule === undefined;
  if (type !== rule.unlessType) return true;
  return ![...stanza.children()].some((child) =>
    stanza.is(child, stanza.protocol.namespace, rule.unlessChild),
  );
}

/** Returns whether a stanza is an answer for which its recipient waits: it cannot be dropped, only withheld. */
export function isAnswer(stanza: Stanza): boolean {
  const answers = answering(stanza);
  return answers !== undefined && answers.withheld !== 'owed';
}

/** Withholds the payload of an answer that its recipient may not see. The recipient waits, and many protocols forbid an
 *  empty result, so a result becomes an error; an acknowledgement loses its content. The start tag is the sender's,
 *  with the policy's edits of its attributes.
 *  @param edits of the whole stanza
 *  @returns edits in document order */
export function withheldAnswer(stanza: Stanza, edits: readonly Edit[]): readonly Edit[] {
  const { namespace, refusalContent } = stanza.protocol;
  const isBare = answering(stanza)?.withheld === 'bare';
  const declaration = ` xmlns='${namespace}'`;
  const content = replaceContent(stanza, 0, isBare ? '' : refusalContent('service-unavailable', declaration));
  const type = isBare ? undefined : setAttribute(stanza, 0, 'type', 'error');
  // Edits inside the content are dropped with it; those of the type are about the old one.
  const kept = edits.filter(
    ({ start, end }) =>
      end <= content.start && (type === undefined || end <= type.start || start >= type.end),
  );
  return [...kept, ...(type === undefined ? [] : [type]), content].toSorted((a, b) => a.start - b.start);
}

/** Copies attributes. */
function copied(stanza: Stanza, copies: CopiedAttributes): Copied {
  let attributes = '';
  let marked = '';
  for (const [name, of] of copies) {
    const index = stanza.attribute(0, stanza.names.local(of));
    if (index !== -1) attributes += rawAttribute(stanza, name, index);
    else if (stanza.protocol.marksAttributes === true) {
      const value = markedValue(stanza, of);
      if (value !== undefined) marked += writeMarked(name, value);
    }
  }
  return { attributes, marked };
}

/** Returns ` name='value'` with the value of the attribute at `index`. The bytes are copied where every parser reads
 *  them alike, and escaped anew where they have references or white space. */
function rawAttribute(stanza: Stanza, name: string, index: number): string {
  const start = stanza.start + stanza.valueStart(index);
  const finish = stanza.start + stanza.valueEnd(index);
  const raw = textOf(stanza.bytes.subarray(start, finish));
  if (/[&\t\n\r]/.test(raw)) return ` ${name}='${escapeAttribute(stanza.value(index))}'`;
  const quote = String.fromCharCode(stanza.bytes[start - 1]!);
  return ` ${name}=${quote}${raw}${quote}`;
}
