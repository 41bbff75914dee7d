/** Canaries: for each field and direction a stanza, or another carrier, whose value occurs nowhere else. They are made
 *  of the examples in the catalogue. */
import { randomBytes } from 'node:crypto';
import type { Catalogue, Field } from '../policy/catalogue.ts';
import { audienceOf, type Audience, type Direction } from '../stanza/direction.ts';
import { formsOf, type Form } from './forms.ts';
import { isMarkerKind, makeMarker, type Marker, type RandomBytes } from './marker.ts';
import { values, type Value } from './values.ts';

/** The media server of the catalogue's examples. */
export const exampleMediaOrigin = 'https://media.provider.example';

export interface Canary {
  readonly field: Field;
  readonly direction: Direction;
  /** The party that receives the direction. */
  readonly audience: Audience;
  readonly marker: Marker;
  /** The stanza with the marker in it; of other fields the value. */
  readonly text: string;
  readonly forms: readonly Form[];
}

/** A field that is not sent. */
export interface Unsent {
  readonly field: string;
  readonly reason: string;
}

export interface Canaries {
  readonly sent: readonly Canary[];
  readonly unsent: readonly Unsent[];
}

/** Makes the canaries of a catalogue, ordered as the catalogue is. */
export function canariesOf({ fields }: Catalogue, random: RandomBytes = randomBytes): Canaries {
  const sent: Canary[] = [];
  const unsent: Unsent[] = [];
  for (const field of fields.values()) {
    const reason = reasonNotToSend(field);
    if (reason === undefined)
      sent.push(...field.directions.map((direction) => canaryOf(field, direction, random)));
    else unsent.push({ field: field.name, reason });
  }
  return { sent, unsent };
}

/** The word that stands for the value in an example. */
const marked = 'marker';

function reasonNotToSend(field: Field): string | undefined {
  if (field.protocol !== 'xmpp') return 'it is of the chat channel, and a canary run speaks XMPP';
  const value = valueOf(field);
  if (value === undefined) return 'its example does not say where the value is: write `marker` there';
  return typeof value === 'object' && 'unmarked' in value ? value.unmarked : undefined;
}

function valueOf({ name, example }: Field): Value | undefined {
  if (Object.hasOwn(values, name)) return values[name];
  return example.includes(marked) ? [marked, '{word}'] : undefined;
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
