/** Canaries: for each field and direction a stanza, or another carrier, whose value occurs nowhere else. They are made
 *  of the examples in the catalogue. */
import { randomBytes } from 'node:crypto';
import { everyForm, type Catalogue, type Field } from '../policy/catalogue.ts';
import type { ProtocolName } from '../policy/protocols.ts';
import { audienceOf, type Audience, type Direction } from '../stanza/direction.ts';
import { chatValues } from './chat-values.ts';
import { formsOf, type Form } from './forms.ts';
import { isMarkerKind, makeMarker, type Marker, type RandomBytes } from './marker.ts';
import { values, type Value } from './values.ts';

/** The media server of the catalogue's examples. */
export const exampleMediaOrigin = 'https://media.provider.example';

export interface Canary {
  /** The field as it is in one protocol. */
  readonly field: Field;
  readonly direction: Direction;
  /** The party that receives the direction. */
  readonly audience: Audience;
  readonly marker: Marker;
  /** The stanza with the marker in it; of other fields the value. */
  readonly text: string;
  readonly forms: readonly Form[];
}

/** A field that is not sent in one protocol. */
export interface Unsent {
  readonly field: string;
  readonly protocol: ProtocolName;
  readonly reason: string;
}

export interface Canaries {
  readonly sent: readonly Canary[];
  readonly unsent: readonly Unsent[];
}

/** Makes the canaries of a catalogue, for every field in each protocol that has it. They are ordered as the catalogue
 *  is, a protocol's forms of other fields last. */
export function canariesOf(catalogue: Catalogue, random: RandomBytes = randomBytes): Canaries {
  const sent: Canary[] = [];
  const unsent: Unsent[] = [];
  for (const field of everyForm(catalogue)) {
    const reason = reasonNotToSend(field);
    if (reason === undefined)
      sent.push(...field.directions.map((direction) => canaryOf(field, direction, random)));
    else unsent.push({ field: field.name, protocol: field.protocol, reason });
  }
  return { sent, unsent };
}

/** The word that stands for the value in an example. */
const marked = 'marker';

const valuesIn: Readonly<Record<ProtocolName, Readonly<Record<string, Value>>>> = {
  xmpp: values,
  'chat-channel': chatValues,
};

function reasonNotToSend(field: Field): string | undefined {
  const value = valueOf(field);
  if (value === undefined) return 'its example does not say where the value is: write `marker` there';
  return typeof value === 'object' && 'unmarked' in value ? value.unmarked : undefined;
}

function valueOf({ name, protocol, example }: Field): Value | undefined {
  const known = valuesIn[protocol];
  if (Object.hasOwn(known, name)) return known[name];
  if (!example.includes(marked)) return undefined;
  const isContent = example.includes(`>${marked}<`);
  // Content of the chat channel is bytes, in base64.
  return isContent && protocol === 'chat-channel' ? [marked, '{bytes}'] : [marked, '{word}'];
}

function canaryOf(field: Field, direction: Direction, random: RandomBytes): Canary {
  const template = templateOf(field, direction);
  const kind = /\{(\w+)\}/.exec(template)?.[1];
  if (kind === undefined || !isMarkerKind(kind))
    throw new Error(`no marker in the template of ${field.name}`);
  const marker = makeMarker(kind, random);
  const text = template.replaceAll(`{${kind}}`, marker.value);
  const audience = field.where === 'http' && direction === 'to-client' ? 'provider' : audienceOf(direction);
  return { field, direction, audience, marker, text, forms: formsOf(marker) };
}

function templateOf(field: Field, direction: Direction): string {
  const value = valueOf(field)!;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const [part, replacement] = value as readonly [string, string];
    return field.example.replaceAll(part, replacement);
  }
  return (value as Readonly<Record<Direction, string>>)[direction];
}
