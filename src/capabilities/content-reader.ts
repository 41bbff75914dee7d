/** Reads the visible content of a message: markers, file descriptions, an unencrypted body, and carried messages,
 *  each with whether a client of a profile can receive it. Invisible content is unknown, and unknown content is not
 *  refused. */
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import {
  attachmentKinds,
  attachmentLocals,
  carriers,
  type Carriage,
  type ContentKind,
  type ContentKinds,
  type Place,
  type Step,
} from './content-kinds.ts';
import { mayMatch, parseMediaType, type MediaType } from './media-type.ts';
import type { CapabilityProfile, Reception } from './profile.ts';

/** Why content is refused.
 *
 *  - `kind`: the profile does not receive the kind.
 *  - `type`: it does, but not this media type.
 *  - `size`: it does, but not this size. */
export type RefusalReason = 'kind' | 'type' | 'size';

/** One visible content, its place, and its refusal if there is one. */
export interface Sighting {
  readonly kind: ContentKind;
  readonly refusal: RefusalReason | undefined;
  /** Tape index of the message's child that shows it; -1 for the message as a whole. */
  readonly child: number;
}

/** A message inside another one. */
export interface Carried {
  /** Tape index. */
  readonly message: number;
  readonly carriage: Carriage;
}

/** The visible content of one message or iq. */
export interface ContentReading {
  readonly sightings: readonly Sighting[];
  readonly carried: readonly Carried[];
}

interface CompiledStep {
  readonly namespace: number;
  readonly local: number;
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

interface CompiledPlace {
  readonly stanza: 'message' | 'iq';
  readonly steps: readonly CompiledStep[];
  /** A kind, a carriage, or (`undefined`) a file. */
  readonly shows: ContentKind | Carriage | undefined;
}

export class ContentReader {
  readonly #table: ContentKinds;
  readonly #names: Names;
  /** Places by namespace and local name of the first step: a message's child costs one look-up. */
  readonly #places = new Map<number, readonly CompiledPlace[]>();
  readonly #ciphertext: ReadonlySet<number>;
  readonly #bodyLocal: number;
  /** Prefixes of bodies, the longest first. */
  readonly #byBody: readonly { readonly prefix: string; readonly kind: ContentKind }[];
  readonly #byType: ReadonlyMap<string, readonly ContentKind[]>;

  /** @param names must have `contentVocabulary(table)`
   *  @throws RangeError if they do not */
  constructor(table: ContentKinds, names: Names) {
    this.#table = table;
    this.#names = names;
    const kinds = [...table.kinds.values()];
    for (const kind of kinds) for (const entry of kind.recognise) if ('path' in entry) this.#add(entry, kind);
    for (const place of table.attachments) this.#add(place);
    for (const { place, carriage } of carriers) this.#add(place, carriage);
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

  #add(place: Place, shows?: ContentKind | Carriage): void {
    const steps = place.path.map((step) => compile(step, this.#names));
    const [first] = steps;
    const key = keyOf(first!.namespace, first!.local);
    this.#places.set(key, [...(this.#places.get(key) ?? []), { stanza: place.stanza, steps, shows }]);
  }

  /** Reads a message in one pass over its children. Most show nothing but a body, and allocate nothing.
   *  @param message tape index: 0 for the stanza itself, or a message that it carries
   *  @param type of a message, where the type shows a kind; undefined where it does not count */
  read(
    stanza: Stanza,
    message: number,
    profile: CapabilityProfile,
    type: string | undefined,
  ): ContentReading {
    const namespace = stanza.namespaceOf(message);
    const stanzaKind = message === 0 ? stanza.kind : 'message';
    const sightings: Sighting[] = [];
    let carried: Carried[] | undefined;
    let files: FileSighting[] | undefined;
    let body = -1;
    let encrypted = false;
    for (let child = stanza.firstChild(message); child !== -1; child = stanza.nextSibling(child)) {
      const key = keyOf(stanza.namespaceOf(child), stanza.localOf(child));
      encrypted ||= this.#ciphertext.has(key);
      if (body === -1 && key === keyOf(namespace, this.#bodyLocal)) body = child;
      const places = this.#places.get(key);
      if (places === undefined) continue;
      for (const { stanza: within, steps, shows } of places) {
        if (within !== stanzaKind) continue;
        for (const found of walk(stanza, child, steps)) {
          if (shows === undefined) (files ??= []).push(this.#file(stanza, child, found));
          else if (typeof shows === 'string') (carried ??= []).push({ message: found, carriage: shows });
          else sightings.push(sighting(shows, profile, child));
        }
      }
    }
    if (files !== undefined) sightings.push(...this.#fileSightings(files, sightings, profile));
    if (stanzaKind === 'message') {
      if (type !== undefined)
        for (const kind of this.#byType.get(type) ?? []) sightings.push(sighting(kind, profile, -1));
      // Next to ciphertext, a body is a notice for clients that cannot decrypt.
      const said = body === -1 || encrypted ? undefined : this.#body(stanza, profile, body);
      if (said !== undefined) sightings.push(said);
    }
    return sightings.length === 0 && carried === undefined ? nothing : { sightings, carried: carried ?? [] };
  }

  /** Returns the tape index of a message's body, -1 without one. */
  bodyOf(stanza: Stanza, message: number): number {
    return stanza.child(message, stanza.namespaceOf(message), this.#bodyLocal);
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

  /** Returns the text of a child in the parent's own namespace. */
  #childText(stanza: Stanza, parent: number, local: string): string | undefined {
    const namespace = stanza.namespaceOf(parent);
    const at = stanza.child(parent, namespace, this.#names.local(local));
    return at === -1 ? undefined : stanza.text(at).trim();
  }

  /** Returns the files that are shown. A file is refused only when no kind that it may be of is received in its type
   *  and size. A file without properties is another view of one that has some (XEP-0447 §4 sends both), and a
   *  sticker's picture is the sticker. */
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
    // Of several reasons, the one closest to acceptance helps the sender most.
    const nearest =
      verdicts.find(({ refusal }) => refusal === 'size') ??
      verdicts.find(({ refusal }) => refusal === 'type');
    const [first] = verdicts;
    return { ...(accepted ?? nearest ?? first!), child };
  }

  /** Returns the kind of a body by the longest prefix that matches. */
  #body(stanza: Stanza, profile: CapabilityProfile, body: number): Sighting | undefined {
    const text = stanza.text(body);
    const best = this.#byBody.find(({ prefix }) => text.startsWith(prefix));
    if (best === undefined || text === '') return undefined;
    const reception = profile.receives.get(best.kind.name);
    const bytes = reception?.bytesMax === undefined ? undefined : Buffer.byteLength(text);
    return { kind: best.kind, refusal: refusalOf(reception, undefined, bytes), child: body };
  }
}

const nothing: ContentReading = { sightings: [], carried: [] };

interface FileSighting {
  readonly child: number;
  readonly media?: MediaType;
  readonly bytes?: number;
}

function sighting(kind: ContentKind, profile: CapabilityProfile, child: number): Sighting {
  return { kind, refusal: profile.receives.has(kind.name) ? undefined : 'kind', child };
}

/** Returns why a reception refuses a file. An unknown type or size is not refused. */
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

/** Sort key by which kinds of any media type come last: an image is an image first, then a file. */
function wildcards({ media }: ContentKind): number {
  return media.some(({ type }) => type === '*') ? 1 : 0;
}

function compile({ namespace, name, attributes }: Step, names: Names): CompiledStep {
  const compiled = { namespace: names.namespace(namespace), local: names.local(name) };
  if (compiled.namespace === 0 || compiled.local === 0)
    throw new RangeError('the vocabulary lacks a name of the content-kind table');
  return { ...compiled, attributes: Object.entries(attributes) };
}

/** Returns the key of two ids. For any real vocabulary it is an integer of 32 bits. */
function keyOf(namespace: number, local: number): number {
  return namespace * localsMax + local;
}

const localsMax = 65_536;

/** Yields every element at the end of a path that starts at `at`. */
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
    stanza.namespaceOf(at) === namespace &&
    stanza.localOf(at) === local &&
    attributes.every(([name, value]) => stanza.attributeValue(at, name) === value)
  );
}
