/** Judges what is on its way to a client by the kinds of content its profile receives. It looks at what a stanza shows
 *  from outside: markers, file descriptions, and the body of a message that is not encrypted. What a stanza does not
 *  show is unknown, and unknown is not refused. */
import type { Edit } from '../stanza/verdict.ts';
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import * as record from '../stanza/tape.ts';
import {
  attachmentKinds,
  attachmentLocals,
  type ContentKind,
  type ContentKinds,
  type Place,
  type Step,
} from './content-kinds.ts';
import { mayMatch, parseMediaType, type MediaType } from './media-type.ts';
import type { CapabilityProfile, Reception } from './profile.ts';
import { bounce, fallbackEdits } from './refusal.ts';

/** Why content is refused.
 *
 *  - `kind`: the profile does not receive the kind.
 *  - `type`: it does, but not this media type.
 *  - `size`: it does, but not this much. */
type RefusalReason = 'kind' | 'type' | 'size';

/** Something that a client of the profile cannot receive. */
interface Refusal {
  readonly kind: string;
  readonly reason: RefusalReason;
}

/** What the gate says of a stanza.
 *
 *  - `pass`: nothing that shows is refused. `shown` names the kinds that show; empty when none does.
 *  - `bounce`: do not deliver; `reply` goes back to the sender (RFC 6120 §8.3).
 *  - `drop`: do not deliver.
 *  - `fallback`: deliver with these edits. */
export type GateVerdict =
  | { readonly kind: 'pass'; readonly shown: readonly string[] }
  | { readonly kind: 'bounce'; readonly refusals: readonly Refusal[]; readonly reply: Uint8Array }
  | { readonly kind: 'drop'; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'fallback'; readonly refusals: readonly Refusal[]; readonly edits: readonly Edit[] };

/** Kinds that a profile refuses although an encrypted message does not show them: `never`, or only `sometimes`.
 *  The policy's check tells its author, so that nobody takes the gate for more than it is. */
export function ungatedKinds(
  profile: CapabilityProfile,
  table: ContentKinds,
): { readonly kind: string; readonly fromOutside: 'never' | 'sometimes' }[] {
  return [...table.kinds.values()].flatMap(({ name, fromOutside }) =>
    fromOutside === 'always' || profile.receives.has(name) ? [] : [{ kind: name, fromOutside }],
  );
}

/** One thing that shows, where, and what is to be said of it. */
interface Sighting {
  readonly kind: ContentKind;
  readonly refusal: RefusalReason | undefined;
  /** Tape index of the stanza's child that shows it; -1 when it is the stanza as a whole. */
  readonly child: number;
}

interface CompiledStep {
  readonly namespace: number;
  readonly local: number;
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

interface CompiledPlace {
  readonly stanza: 'message' | 'iq';
  readonly steps: readonly CompiledStep[];
  /** Absent: the place describes a file. */
  readonly kind?: ContentKind;
}

export class ContentGate {
  readonly #table: ContentKinds;
  readonly #names: Names;
  /** By namespace and local name of the first step: a stanza's child costs one look-up. */
  readonly #places = new Map<number, readonly CompiledPlace[]>();
  readonly #ciphertext: ReadonlySet<number>;
  readonly #bodyLocal: number;
  /** The longest prefix first. */
  readonly #byBody: readonly { readonly prefix: string; readonly kind: ContentKind }[];
  readonly #byType: ReadonlyMap<string, readonly ContentKind[]>;

  /** @param names must hold `contentVocabulary(table)`. @throws RangeError if it does not. */
  constructor(table: ContentKinds, names: Names) {
    this.#table = table;
    this.#names = names;
    const kinds = [...table.kinds.values()];
    for (const kind of kinds) for (const entry of kind.recognise) if ('path' in entry) this.#add(entry, kind);
    for (const place of table.attachments) this.#add(place);
    this.#ciphertext = new Set(
      table.encryption.elements
        .map((step) => compile(step, names))
        .map(({ namespace, local }) => keyOf(namespace, local)),
    );
    this.#bodyLocal = names.local('body');
    this.#byBody = kinds
      .flatMap((kind) =>
        kind.recognise.flatMap((entry) => ('body' in entry ? [{ prefix: entry.body, kind }] : [])),
      )
      .toSorted((a, b) => b.prefix.length - a.prefix.length);
    const typed = kinds.flatMap((kind) =>
      kind.recognise.flatMap((entry) => ('type' in entry ? [{ type: entry.type, kind }] : [])),
    );
    this.#byType = new Map(
      typed.map(({ type }) => [type, typed.filter((entry) => entry.type === type).map(({ kind }) => kind)]),
    );
  }

  /** Judges one stanza on its way to a client of `profile`. Presence, results and errors always pass: nobody may answer
   *  an error with an error (RFC 6120 §8.3.1), and a result is what the client asked for. */
  judge(stanza: Stanza, profile: CapabilityProfile): GateVerdict {
    const type = stanza.attributeValue(0, 'type');
    const { kind } = stanza;
    if (kind === 'message' ? type === 'error' : kind !== 'iq' || type !== 'set') return pass;
    const sightings = this.#sightings(stanza, profile, type ?? 'normal');
    if (sightings.length === 0) return pass;
    const refused = sightings.filter(({ refusal }) => refusal !== undefined);
    if (refused.length === 0) return { kind: 'pass', shown: namesOf(sightings) };
    return this.#refuse(stanza, profile, type, refused);
  }

  #add(place: Place, kind?: ContentKind): void {
    const steps = place.path.map((step) => compile(step, this.#names));
    const [first] = steps;
    const key = keyOf(first!.namespace, first!.local);
    const compiled = { stanza: place.stanza, steps, ...(kind === undefined ? {} : { kind }) };
    this.#places.set(key, [...(this.#places.get(key) ?? []), compiled]);
  }

  /** One pass over the children: most stanzas show nothing but a body, and for them nothing is built. */
  #sightings(stanza: Stanza, profile: CapabilityProfile, type: string): readonly Sighting[] {
    const { tape } = stanza;
    const namespace = tape[record.element.namespace]!;
    const marked: Sighting[] = [];
    let files: FileSighting[] | undefined;
    let body = -1;
    let encrypted = false;
    for (let child = stanza.firstChild(); child !== -1; child = stanza.nextSibling(child)) {
      const key = keyOf(tape[child + record.element.namespace]!, tape[child + record.element.local]!);
      encrypted ||= this.#ciphertext.has(key);
      if (body === -1 && key === keyOf(namespace, this.#bodyLocal)) body = child;
      const places = this.#places.get(key);
      if (places === undefined) continue;
      for (const place of places) {
        if (place.stanza !== stanza.kind) continue;
        for (const found of walk(stanza, child, place.steps)) {
          if (place.kind === undefined) (files ??= []).push(this.#file(stanza, child, found));
          else marked.push(sighting(place.kind, profile, child));
        }
      }
    }
    const seen = files === undefined ? marked : [...marked, ...this.#fileSightings(files, marked, profile)];
    if (stanza.kind !== 'message') return seen;
    for (const kind of this.#byType.get(type) ?? []) seen.push(sighting(kind, profile, -1));
    // Beside ciphertext it is a notice for clients that cannot decrypt.
    const said = body === -1 || encrypted ? undefined : this.#body(stanza, profile, body);
    if (said !== undefined) seen.push(said);
    return seen;
  }

  #file(stanza: Stanza, child: number, found: number): FileSighting {
    const type = this.#childText(stanza, found, attachmentLocals[0]);
    const size = this.#childText(stanza, found, attachmentLocals[1]);
    const media = type === undefined ? undefined : parseMediaType(type);
    return {
      child,
      ...(media === undefined ? {} : { media }),
      ...(size !== undefined && /^\d{1,15}$/.test(size) ? { bytes: Number(size) } : {}),
    };
  }

  /** Text of a child in the parent's own namespace. */
  #childText(stanza: Stanza, parent: number, local: string): string | undefined {
    const namespace = stanza.tape[parent + record.element.namespace]!;
    const at = stanza.child(parent, namespace, this.#names.local(local));
    return at === -1 ? undefined : stanza.text(at).trim();
  }

  /** A file is refused only when no kind it may be of is received in its type and size. A file that says nothing of
   *  itself is another view of one that does (XEP-0447 §4 sends both), and a sticker's picture is the sticker. */
  #fileSightings(
    files: readonly FileSighting[],
    marked: readonly Sighting[],
    profile: CapabilityProfile,
  ): Sighting[] {
    const sticker = marked.find(({ kind }) => kind.name === 'sticker');
    if (sticker !== undefined) {
      if (sticker.refusal === undefined) return [];
      const pictures = files.filter((file) => this.#judgeFile(file, profile).refusal !== undefined);
      return pictures.map(({ child }) => ({ ...sticker, child }));
    }
    const described = files.filter(({ media }) => media !== undefined);
    if (described.length === 0) return files.map((file) => this.#judgeFile(file, profile));
    const judged = described.map((file) => this.#judgeFile(file, profile));
    const refused = judged.find(({ refusal }) => refusal !== undefined);
    const views = files.filter(({ media }) => media === undefined);
    return refused === undefined ? judged : [...judged, ...views.map(({ child }) => ({ ...refused, child }))];
  }

  #judgeFile(file: FileSighting, profile: CapabilityProfile): Sighting {
    const { media, bytes, child } = file;
    const candidates = attachmentKinds(
      this.#table,
      (pattern) => media === undefined || mayMatch(pattern, media),
    ).toSorted((a, b) => wildcards(a) - wildcards(b));
    const verdicts = candidates.map((kind) => ({
      kind,
      refusal: refusalOf(profile.receives.get(kind.name), media, bytes),
    }));
    const accepted = verdicts.find(({ refusal }) => refusal === undefined);
    // The reason that comes nearest to being received says most to the sender.
    const nearest =
      verdicts.find(({ refusal }) => refusal === 'size') ??
      verdicts.find(({ refusal }) => refusal === 'type');
    const [first] = verdicts;
    return { ...(accepted ?? nearest ?? first!), child };
  }

  /** The longest prefix that fits says what a body is. */
  #body(stanza: Stanza, profile: CapabilityProfile, body: number): Sighting | undefined {
    const text = stanza.text(body);
    const best = this.#byBody.find(({ prefix }) => text.startsWith(prefix));
    if (best === undefined || text === '') return undefined;
    const reception = profile.receives.get(best.kind.name);
    const bytes = reception?.bytesMax === undefined ? undefined : Buffer.byteLength(text);
    return { kind: best.kind, refusal: refusalOf(reception, undefined, bytes), child: body };
  }

  #bodyOf(stanza: Stanza): number {
    return stanza.child(0, stanza.tape[record.element.namespace]!, this.#bodyLocal);
  }

  /** A signal is not worth an error, and an error sent to a room would throw its client out (XEP-0045 §18.1.2): both
   *  are cut out of the stanza instead. */
  #refuse(
    stanza: Stanza,
    profile: CapabilityProfile,
    type: string | undefined,
    refused: readonly Sighting[],
  ): GateVerdict {
    const refusals = [...new Map(refused.map(refusalEntry)).values()];
    const wanted = profile.onUnsupportedContent;
    // A call that is not set up is owed an answer (RFC 6120 §8.2.3), whatever the profile prefers.
    if (stanza.kind === 'iq') return { kind: 'bounce', refusals, reply: bounce(stanza, refusals) };
    const soft = type === 'groupchat' || refused.every(({ kind }) => kind.signal);
    if (wanted === 'bounce' && !soft) return { kind: 'bounce', refusals, reply: bounce(stanza, refusals) };
    if (wanted === 'drop' && !refused.every(({ kind }) => kind.signal)) return { kind: 'drop', refusals };
    if (refused.some(({ child }) => child === -1)) return { kind: 'drop', refusals };
    const edits = fallbackEdits(
      stanza,
      this.#bodyOf(stanza),
      refused.map(({ kind, child }) => ({ kind, child })),
    );
    return edits === undefined ? { kind: 'drop', refusals } : { kind: 'fallback', refusals, edits };
  }
}

interface FileSighting {
  readonly child: number;
  readonly media?: MediaType;
  readonly bytes?: number;
}

const pass: GateVerdict = { kind: 'pass', shown: [] };

/** Each kind and reason once, in order. */
function refusalEntry({ kind, refusal }: Sighting): [string, Refusal] {
  return [`${kind.name} ${refusal!}`, { kind: kind.name, reason: refusal! }];
}

function namesOf(sightings: readonly Sighting[]): string[] {
  return [...new Set(sightings.map(({ kind }) => kind.name))];
}

function sighting(kind: ContentKind, profile: CapabilityProfile, child: number): Sighting {
  return { kind, refusal: profile.receives.has(kind.name) ? undefined : 'kind', child };
}

/** Type and size unknown are not held against what is received. */
function refusalOf(
  reception: Reception | undefined,
  media: MediaType | undefined,
  bytes: number | undefined,
): RefusalReason | undefined {
  if (reception === undefined) return 'kind';
  const { types, bytesMax } = reception;
  if (media !== undefined && types !== undefined && !types.some((type) => mayMatch(type, media)))
    return 'type';
  if (bytes !== undefined && bytesMax !== undefined && bytes > bytesMax) return 'size';
  return undefined;
}

/** Kinds of any media type come last: an image is an image first, and a file then. */
function wildcards({ media }: ContentKind): number {
  return media.some(({ type }) => type === '*') ? 1 : 0;
}

function compile({ namespace, name, attributes }: Step, names: Names): CompiledStep {
  const compiled = { namespace: names.namespace(namespace), local: names.local(name) };
  if (compiled.namespace === 0 || compiled.local === 0)
    throw new RangeError('the vocabulary lacks a name of the content-kind table');
  return { ...compiled, attributes: Object.entries(attributes) };
}

/** Interned names are small numbers: the two together stay an integer of 32 bits for a vocabulary of any real size. */
function keyOf(namespace: number, local: number): number {
  return namespace * localsMax + local;
}

const localsMax = 65_536;

/** Every element at the end of a path that starts at `at`. */
function* walk(stanza: Stanza, at: number, steps: readonly CompiledStep[]): Generator<number> {
  const [step, ...rest] = steps;
  if (step === undefined || !fits(stanza, at, step)) return;
  if (rest.length === 0) {
    yield at;
    return;
  }
  for (let child = stanza.firstChild(at); child !== -1; child = stanza.nextSibling(child))
    yield* walk(stanza, child, rest);
}

function fits(stanza: Stanza, at: number, { namespace, local, attributes }: CompiledStep): boolean {
  return (
    stanza.tape[at + record.element.namespace] === namespace &&
    stanza.tape[at + record.element.local] === local &&
    attributes.every(([name, value]) => stanza.attributeValue(at, name) === value)
  );
}
