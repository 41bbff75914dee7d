/** What one audience gets of one stanza under a policy, as the documents say it: docs/policies.md, policies/README.md,
 *  docs/media-addresses.md, docs/timing.md and the catalogue. It reads a tree and makes another, without regard to speed.
 *  It shares no code with the engine, which it is compared with. */
import {
  addressesIn,
  Addresses,
  movePositions,
  type ChangedText,
  type MediaServers,
  type Replaced,
  type Viewer,
} from './addresses.ts';
import { isSealed, keyOf, type Catalogue, type Direction, type Entry, type Field } from './catalogue.ts';
import { matrixFor, treatmentOf, type Policy, type Rules, type Session, type Treatment } from './language.ts';
import { selects } from './paths.ts';
import { PseudonymScheme, type Binding } from './pseudonyms.ts';
import {
  attributeOf,
  clientNamespace,
  elementsIn,
  isElement,
  isNamed,
  isStanza,
  quoted,
  streamsNamespace,
  textOf,
  writeTree,
  type Attribute,
  type Element,
  type Text,
} from './tree.ts';
import { coarsen } from './values.ts';

/** An answer whose time depends on what it answers. */
export interface Answer {
  readonly id: string;
  /** Milliseconds after the delivery of that; 0 for at once. */
  readonly after: number;
  /** Whether nothing else is in the stanza. */
  readonly alone: boolean;
}

export type Result =
  /** Nothing of it is a concern of the policy, or the policy only counts. */
  | { readonly kind: 'untouched' }
  | { readonly kind: 'dropped' }
  /** It goes no further, and its sender is sent this. */
  | { readonly kind: 'answered'; readonly reply: string }
  | {
      readonly kind: 'forwarded';
      readonly tree: Element;
      /** Whether it leaves in normal form. */
      readonly normal: boolean;
      /** Sizes to one of which it is padded. */
      readonly sizes: readonly number[] | undefined;
      /** Longest delay in milliseconds. */
      readonly delay: number;
      readonly answer: Answer | undefined;
      /** Times of answers that are awaited, by id. */
      readonly awaited: ReadonlyMap<string, number>;
    };

export interface ReferenceOptions {
  readonly catalogue: Catalogue;
  readonly pseudonyms: PseudonymScheme;
  readonly media: MediaServers;
}

const awaitedMax = 8;
const errorsNamespace = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const pubsubNamespace = 'http://jabber.org/protocol/pubsub';

export class Reference {
  readonly #options: ReferenceOptions;

  constructor(options: ReferenceOptions) {
    this.#options = options;
  }

  /** Evaluates a policy for one stanza.
   *  @param bytes of the stanza as received */
  evaluate(policy: Policy, stanza: Element, direction: Direction, session: Session, bytes: number): Result {
    if (policy.mode === 'shadow') return { kind: 'untouched' };
    const contact = bare(
      attributeOf(stanza, direction === 'to-gatekeeper' ? 'to' : 'from') ?? '',
    ).toLowerCase();
    const rules = rulesFor(policy, session, contact);
    return new Evaluation({
      ...this.#options,
      policy,
      rules,
      direction,
      session,
      contact,
      stanza,
      bytes,
    }).result();
  }
}

type ByAudience = ReturnType<typeof matrixFor>;

/** Rules of the last sessions' cases: policies have few, and stanzas are many. */
const known = new WeakMap<Policy, Map<string, ByAudience>>();

function rulesFor(policy: Policy, session: Session, contact: string): ByAudience {
  if (policy.exceptions.length === 0) return policy.matrix;
  const { gatekeeper, account, listener, claims, region, now } = session;
  const key = JSON.stringify([gatekeeper, account, listener, claims, region, now, contact]);
  let cases = known.get(policy);
  if (cases === undefined) known.set(policy, (cases = new Map()));
  let rules = cases.get(key);
  if (rules === undefined) cases.set(key, (rules = matrixFor(policy, session, contact)));
  return rules;
}

/** The stanza is answered in place of its receiver. */
class Answered {
  readonly reply: string;

  constructor(reply: string) {
    this.reply = reply;
  }
}

/** What is known of an element once it was treated. */
interface Remains {
  /** Undefined when it is removed. */
  readonly element: Element | undefined;
  readonly traits: Traits;
}

interface Traits {
  listed: boolean;
  /** Its text, its attributes without a prefix and its children of the same namespace are part of it. */
  owner: boolean;
  /** Its children are payloads, and no part of it. */
  payload: boolean;
  /** It goes when all that was in it has gone. */
  wrapper: boolean;
  /** It is never the content of a message. */
  auxiliary: boolean;
  subject: boolean;
  /** A body or thread. */
  speech: boolean;
  /** An answer whose time is equalised. */
  answer: boolean;
}

interface Question extends ReferenceOptions {
  readonly policy: Policy;
  readonly rules: ByAudience;
  readonly direction: Direction;
  readonly session: Session;
  /** Bare JID of the other party; '' for none. */
  readonly contact: string;
  readonly stanza: Element;
  readonly bytes: number;
}

/** Where an element is: itself, and all around it. */
type Line = readonly Element[];

interface Value {
  readonly text: string;
  readonly withheld: boolean;
}

class Evaluation {
  readonly #question: Question;
  readonly #receiver: Viewer;
  readonly #sender: Viewer;
  readonly #addresses: Addresses;
  readonly #changedTexts: ChangedText[] = [];
  /** Elements as received, by what they have become. */
  readonly #received = new Map<Element, Element>();
  readonly #equalises: Readonly<Record<Viewer, boolean>>;
  #normal = false;
  #sizes: readonly number[] | undefined;
  #delay = 0;
  #answer: { readonly id: string; readonly after: number } | undefined;
  #awaited = new Map<string, number>();

  constructor(question: Question) {
    this.#question = question;
    const { direction, media, session, bytes, rules } = question;
    this.#receiver = direction === 'to-gatekeeper' ? 'gatekeeper' : 'client';
    this.#sender = direction === 'to-gatekeeper' ? 'client' : 'gatekeeper';
    this.#addresses = new Addresses(media, session, bytes);
    this.#equalises = { gatekeeper: anyEqualised(rules.gatekeeper), client: anyEqualised(rules.client) };
  }

  result(): Result {
    const { stanza } = this.#question;
    if (isNegotiation(stanza)) return { kind: 'untouched' };
    try {
      return this.#forward(stanza);
    } catch (error) {
      if (error instanceof Answered) return { kind: 'answered', reply: error.reply };
      throw error;
    }
  }

  #forward(stanza: Element): Result {
    const { element, traits, others } = this.#root(stanza);
    const withheld =
      element === undefined || (others.emptied && (traits.wrapper || isNamed(stanza, clientNamespace, 'iq')));
    if (withheld && !isAnswer(stanza)) {
      if (!isNamed(stanza, clientNamespace, 'iq')) return { kind: 'dropped' };
      return {
        kind: 'answered',
        reply: refusalOf(stanza, publishes(stanza) ? 'policy-violation' : 'service-unavailable'),
      };
    }
    const tree = withheld ? withheldAnswer(element ?? others.tag) : this.#withPositions(element);
    const answer = this.#answer && { ...this.#answer, alone: traits.answer || !others.other };
    if (!isStanza(stanza)) return this.#forwardOther(tree, answer);
    return {
      kind: 'forwarded', tree, normal: this.#normal, sizes: this.#sizes, delay: this.#delay, answer, awaited: this.#awaited,
    }; // prettier-ignore
  }

  /** Forwards what is no stanza: it is neither padded nor delayed, and has no answer. Its form is that of stanzas that are for
   *  no contact. */
  #forwardOther(tree: Element, answer: Answer | undefined): Result {
    const { policy, session } = this.#question;
    const rules = matrixFor(policy, { ...session, account: '' }, '')[this.#receiver];
    const normal = treatmentOf(rules, policy.unlisted, 'style.fingerprint').kind === 'drop';
    return { kind: 'forwarded', tree, normal, sizes: undefined, delay: 0, answer, awaited: new Map() };
  }

  /** Treats the outermost element. Of an answer the tag leaves in any case, on an error. */
  #root(stanza: Element): Remains & { readonly others: Inside & { readonly tag: Element } } {
    const remains = this.#element(stanza, []);
    const tag = {
      ...stanza,
      attributes: remains.element?.attributes ?? this.#tagOf(stanza, remains),
      content: [],
    };
    return { ...remains, others: { ...(remains.inside ?? nothingInside), tag } };
  }

  #tagOf(stanza: Element, { decided }: Treated): readonly Attribute[] {
    if (!isAnswer(stanza)) return [];
    return decided ?? this.#attributes([stanza], this.#entriesOf(stanza, [stanza]), newTraits()).kept;
  }

  // ---- elements -----------------------------------------------------------------------------------------------------

  #element(element: Element, above: Line, isPart = false): Treated {
    const line = [...above, element];
    const entries = this.#entriesOf(element, line);
    const traits = newTraits();
    traits.wrapper = isNamed(element, clientNamespace, 'message');
    const { holders } = this.#question.catalogue;
    traits.listed = [element.name, '*'].some((name) => holders.has(keyOf(element.namespace, name)));
    const whole = this.#whole(element, line, entries, traits);
    if (whole.removed) return this.#removed(whole, traits);
    if (!traits.owner && isPart && !isStanza(element)) traits.owner = true;
    else if (!traits.listed) {
      if (!this.#keepsUnlisted(above)) return this.#removed(whole, traits);
      traits.owner = true;
    }
    if (whole.constant !== undefined) return { element: whole.constant, traits };
    const attributes = this.#attributes(line, entries, traits, whole.reply);
    if (attributes.removed) return this.#removed(whole, traits, attributes.kept);
    if (whole.reply !== undefined) throw new Answered(whole.reply);
    const inside =
      whole.text === undefined
        ? this.#content(whole.content ?? element.content, line, entries, traits)
        : { ...nothingInside, content: [whole.text] };
    if (inside.emptied && above.length > 0 && traits.wrapper) return { element: undefined, traits };
    const treated: Element = { ...element, attributes: attributes.kept, content: inside.content };
    this.#received.set(treated, element);
    return { element: treated, traits, inside };
  }

  /** An element goes. A stanza that was refused or answered before is so nevertheless. */
  #removed({ reply }: Whole, traits: Traits, decided?: readonly Attribute[]): Treated {
    if (reply !== undefined) throw new Answered(reply);
    return { element: undefined, traits, ...(decided && { decided }) };
  }

  /** Applies what is said of the element as a whole. */
  #whole(element: Element, line: Line, entries: readonly Entry[], traits: Traits): Whole {
    const whole: Whole = {};
    let refusal: string | undefined;
    for (const entry of entries) {
      const { place, field } = entry;
      if (place.target !== 'element') {
        if (entry.kind === 'field' && field!.classes.has('auxiliary'))
          Object.assign(traits, { listed: true, auxiliary: true });
        continue;
      }
      this.#learn(entry, element, traits);
      if (field === undefined) continue;
      if (isSealed(field)) this.#address(entry, element, line, whole);
      else if (place.part === 'whole' || this.#ownerOf(textOf(element)) === place.part) {
        const treatment = this.#treatmentOf(entry);
        if (treatment.kind === 'equalise' && entry.kind === 'field') traits.answer = true;
        if (treatment.kind === 'refuse' && this.#canRefuse(line))
          refusal = decisive(refusal, refusalOf(line[0]!, treatment.condition));
        else this.#apply(entry, treatment, line, whole);
      }
      if (whole.removed) break;
    }
    if (refusal !== undefined) whole.reply = refusal;
    return whole;
  }

  /** Applies one treatment to an element. */
  #apply(entry: Entry, treatment: Treatment, line: Line, whole: Whole): void {
    const element = line.at(-1)!;
    const field = entry.field!;
    switch (treatment.kind) {
      case 'drop':
        if (field.classes.has('wire')) this.#normal = true;
        else whole.removed = true;
        break;
      case 'refuse':
        whole.removed = true;
        break;
      case 'answer':
      case 'replace':
        if (entry.kind === 'field') whole.constant = constantFor(field, element, treatment);
        else if (line.length === 2)
          whole.reply ??= answerTo(line[0]!, field.answer && constantFor(field, element, treatment));
        break;
      case 'coarsen':
      case 'pseudonymise':
        this.#applyToText(entry, treatment, element, whole);
        break;
      default:
        this.#time(entry, treatment, line);
    }
  }

  #applyToText(entry: Entry, treatment: Treatment, element: Element, whole: Whole): void {
    if (elementsIn(element).length > 0) {
      // Children of a value could hold what it no longer shows.
      if (entry.kind !== 'return') whole.removed = true;
      return;
    }
    const before = whole.text?.text ?? textOf(element);
    if (before === '' && !isRequestedResource(entry, treatment)) return;
    const after = this.#inPart(entry, before, treatment);
    if (after === undefined) whole.removed = true;
    else if (after !== before) whole.text = { text: after, plain: true };
  }

  /** Notes what a path says of an element, whatever the treatment is. */
  #learn({ kind, field, place, wrapper, payload }: Entry, element: Element, traits: Traits): void {
    if (place.words) return;
    traits.listed = true;
    if (kind === 'holder') {
      traits.owner = true;
      traits.wrapper ||= wrapper;
      traits.payload ||= payload;
    }
    if (kind !== 'field' || isStanza(element)) return;
    traits.owner = true;
    traits.auxiliary ||= field!.classes.has('auxiliary');
    traits.wrapper ||= field!.classes.has('wrapper');
    const around = place.steps.at(-2);
    if (around?.name !== 'message' || around.namespace !== clientNamespace) return;
    traits.subject ||= isNamed(element, clientNamespace, 'subject');
    traits.speech ||= isNamed(element, clientNamespace, 'body', 'thread');
  }

  /** Treats what is in an element. */
  #content(nodes: Element['content'], line: Line, entries: readonly Entry[], traits: Traits): Inside {
    const element = line.at(-1)!;
    const owns = traits.owner && !traits.payload;
    const seen = {
      lost: false,
      content: false,
      subject: false,
      speech: false,
      lostSpeech: false,
      other: false,
    };
    let content: (Element | Text)[] = [];
    for (const node of nodes) {
      if (!isElement(node)) {
        if (this.#keepsText(node, line, entries, owns)) content.push(node);
        continue;
      }
      const { element: child, traits: of } = this.#element(
        node,
        line,
        owns && node.namespace === element.namespace,
      );
      if (child === undefined) {
        seen.lost = true;
        seen.lostSpeech ||= of.speech;
        continue;
      }
      content.push(child);
      seen.speech ||= of.speech;
      if (of.auxiliary) continue;
      if (of.subject) seen.subject = true;
      else seen.content = true;
      seen.other ||= !of.answer;
    }
    if (seen.subject) {
      // Without body and thread it would change the subject of the room (XEP-0045 §8.1).
      const changes = seen.lostSpeech && !seen.speech && attributeOf(element, 'type') === 'groupchat';
      if (changes)
        content = content.filter((node) => !isElement(node) || !isNamed(node, clientNamespace, 'subject'));
      if (changes) seen.lost = true;
      else seen.content = true;
    }
    return { content, emptied: seen.lost && !seen.content, other: seen.other };
  }

  #keepsText(node: Text, line: Line, entries: readonly Entry[], owns: boolean): boolean {
    let isListed = owns;
    let isKept = true;
    for (const entry of entries) {
      if (entry.place.target !== 'text' || entry.kind !== 'field') continue;
      isListed = true;
      if (this.#treatmentOf(entry).kind !== 'keep') isKept = false;
    }
    if (isListed || (node.plain && node.text.trim() === '')) return isKept;
    return this.#keepsUnlisted(line);
  }

  // ---- attributes ---------------------------------------------------------------------------------------------------

  /** @param earlier what the element itself is answered with */
  #attributes(
    line: Line,
    entries: readonly Entry[],
    { owner }: Traits,
    earlier?: string,
  ): { readonly kept: Attribute[]; readonly removed: boolean } {
    const element = line.at(-1)!;
    const { catalogue } = this.#question;
    const kept: Attribute[] = [];
    let removed = false;
    let refused: string | undefined;
    // Every attribute is looked at before the stanza is refused for one of them.
    const collecting = <Value>(look: () => Value): Value | undefined => {
      try {
        return look();
      } catch (error) {
        if (!(error instanceof Answered)) throw error;
        refused = decisive(refused ?? earlier, error.reply);
        return undefined;
      }
    };
    for (const namespace of element.declares)
      if (namespace !== '' && !catalogue.namespaces.has(namespace))
        collecting(() => this.#keepsUnlisted(line));
    for (const attribute of element.attributes) {
      const about = this.#entriesForAttribute(attribute, entries);
      const isListed = about.length > 0 || (owner && attribute.namespace === '');
      if (!isListed) {
        if (collecting(() => this.#keepsUnlisted(line)) === true) kept.push(attribute);
        continue;
      }
      const value = collecting(() => this.#attribute(attribute, about, line));
      if (value === undefined) continue;
      if (value === 'element' && !(line.length === 1 && isAnswer(element))) {
        removed = true;
        break;
      }
      if (value === 'element') removed = true;
      else if (!value.withheld) kept.push({ ...attribute, value: value.text });
    }
    if (refused !== undefined) throw new Answered(refused);
    return { kept, removed };
  }

  #entriesForAttribute({ namespace, name }: Attribute, entries: readonly Entry[]): readonly Entry[] {
    const of = (list: readonly Entry[], wanted: string): Entry[] =>
      list.filter(({ place: { target, attribute }, kind, field }) => {
        if (target !== 'attribute' || attribute.name !== wanted || attribute.namespace !== namespace)
          return false;
        return kind !== 'return' || field!.returns.length > 0 || this.#comesBack(field!);
      });
    const named = of(entries, name);
    const all = named.length === 0 && namespace === '' ? of(entries, '*') : named;
    return [...all, ...of(this.#question.catalogue.anywhere, name)];
  }

  /** Applies what is said of an attribute, each to the result of the one before. */
  #attribute({ value }: Attribute, entries: readonly Entry[], line: Line): Value | 'element' {
    let text = value;
    let withheld = false;
    for (const entry of entries) {
      const { place, field } = entry;
      if (place.part !== 'whole' && this.#ownerOf(place.inUri ? (jidIn(text) ?? '') : value) !== place.part)
        continue;
      const after = isSealed(field!)
        ? this.#addressIn(entry, text, line)
        : this.#treatValue(entry, text, line);
      if (after !== undefined) {
        text = after;
        continue;
      }
      if (place.dropsElement) return 'element';
      withheld = true;
    }
    return { text, withheld };
  }

  /** @returns the value that is seen; undefined when it is withheld */
  #treatValue(entry: Entry, text: string, line: Line): string | undefined {
    const treatment = this.#treatmentOf(entry);
    switch (treatment.kind) {
      case 'drop':
        return undefined;
      case 'refuse':
        if (this.#canRefuse(line)) throw new Answered(refusalOf(line[0]!, treatment.condition));
        return undefined;
      case 'replace':
        return treatment.text;
      case 'coarsen':
      case 'pseudonymise':
        return this.#inPart(entry, text, treatment);
      default:
        this.#time(entry, treatment, line);
        return text;
    }
  }

  // ---- values -------------------------------------------------------------------------------------------------------

  /** Treats a value, or the resource of the JID in it. A resource that is withheld leaves the bare JID. */
  #inPart(entry: Entry, text: string, treatment: Treatment): string | undefined {
    const { place } = entry;
    if (place.part === 'whole') return this.#transform(entry, text, treatment);
    if (place.inUri) {
      const jid = jidIn(text)!;
      const resource = this.#transform(entry, jid.slice(bare(jid).length + 1), treatment) ?? '';
      return withResource(text, resource);
    }
    const account = bare(text);
    if (account.length >= text.length - 1) return text;
    const resource = this.#transform(entry, text.slice(account.length + 1), treatment) ?? '';
    return resource === '' ? account : `${account}/${resource}`;
  }

  #transform(entry: Entry, value: string, treatment: Treatment): string | undefined {
    if (treatment.kind === 'coarsen') return coarsen(value, treatment.grain);
    if (treatment.kind !== 'pseudonymise') return value;
    const field = entry.field!;
    const { pseudonyms, session } = this.#question;
    const isOwn = entry.place.part === 'own-resource';
    if (entry.kind === 'return') {
      if (isOwn && session.resource !== '')
        return value === session.resource ? this.#shown(field, treatment) : value;
      return this.#reveal(field, value, treatment);
    }
    // A bound resource keeps the name under which it was bound. Those of other devices came from the gatekeeper.
    if (isOwn && session.resource !== '')
      return value === this.#shown(field, treatment) ? session.resource : value;
    if (field.value === 'uuid') return pseudonyms.hideUuid(value, this.#binding(field, treatment));
    if (isRequestedResource(entry, treatment)) return undefined;
    return pseudonyms.hide(value, this.#binding(field, treatment));
  }

  /** Returns the bound resource as the client knows it. */
  #shown(field: Field, treatment: Pseudonymise): string {
    return this.#reveal(field, this.#question.session.resource, treatment);
  }

  /** Maps a pseudonym back: one of this period or the last, or one of the time when the account was not known. */
  #reveal(field: Field, value: string, treatment: Pseudonymise): string {
    const { pseudonyms, session } = this.#question;
    const current = this.#binding(field, treatment);
    const bindings: Binding[] = [current];
    if (treatment.rotate !== undefined) bindings.push({ ...current, period: current.period - 1 });
    if (current.scope === 'account' || current.scope === 'conversation')
      bindings.push({ ...current, scope: 'session', scopeValue: session.session });
    for (const binding of bindings) {
      const revealed = pseudonyms.reveal(value, binding);
      if (revealed !== undefined) return revealed;
    }
    return value;
  }

  #binding({ name }: Field, { scope: wanted, rotate }: Pseudonymise): Binding {
    const { startedAt } = this.#question.session;
    const period = rotate === undefined ? 0 : Math.floor(startedAt / rotate);
    const scope = this.#scopeOf(wanted);
    return { field: name, scope, scopeValue: this.#scopeValue(scope), period };
  }

  /** Until the account is known, the session stands for it. */
  #scopeOf(scope: Pseudonymise['scope']): Pseudonymise['scope'] {
    const needsAccount = scope === 'account' || scope === 'conversation';
    return needsAccount && this.#question.session.account === '' ? 'session' : scope;
  }

  #scopeValue(scope: Pseudonymise['scope']): string {
    const { session, contact } = this.#question;
    const values = {
      session: session.session,
      account: session.account,
      conversation: `${session.account} ${contact}`,
      gatekeeper: session.gatekeeper,
    };
    return values[scope];
  }

  #ownerOf(jid: string): 'own-resource' | 'peer-resource' | 'none' {
    const { account } = this.#question.session;
    const of = bare(jid);
    if (of.length >= jid.length - 1) return 'none';
    return account === '' || of.toLowerCase() === account.toLowerCase() ? 'own-resource' : 'peer-resource';
  }

  // ---- addresses of media -------------------------------------------------------------------------------------------

  #sealing(field: Field): Sealed {
    const treatment = this.#ruleFor(field, this.#receiver);
    const seals =
      treatment.kind !== 'pseudonymise'
        ? undefined
        : { scope: this.#sealScope(treatment), period: treatment.rotate };
    return { seals, opens: this.#ruleFor(field, this.#sender).kind === 'pseudonymise' };
  }

  #sealScope({ scope: wanted }: Pseudonymise): string {
    const scope = this.#scopeOf(wanted);
    return `${scope} ${this.#scopeValue(scope)}`;
  }

  /** Treats an element whose text is an address, or has some among its words. */
  #address({ place, field }: Entry, element: Element, line: Line, whole: Whole): void {
    const { seals, opens } = this.#sealing(field!);
    if (seals === undefined && !opens) return;
    if (place.words) return this.#addressesAmong(element, line, { seals, opens }, whole);
    const written = textOf(element);
    const seen = written === '' ? 'as-is' : this.#addresses.see(written, this.#receiver, seals, opens);
    if (seen === 'as-is') return;
    if (seen === 'refused' && this.#canRefuse(line))
      throw new Answered(refusalOf(line[0]!, 'policy-violation'));
    if (typeof seen === 'string' || elementsIn(element).length > 0) whole.removed = true;
    else whole.text = { text: seen.address, plain: true };
  }

  #addressesAmong(element: Element, line: Line, { seals, opens }: Sealed, whole: Whole): void {
    const all: Replaced[] = [];
    let before = 0;
    let isRefused = false;
    const content = runsOf(element.content).flatMap((run): (Element | Text)[] => {
      if (isElement(run[0]!) || isRefused) return run;
      const text = (run as readonly Text[]).map((node) => node.text).join('');
      const { after, refused, replaced } = this.#amongWords(text, seals, opens);
      if (refused && this.#canRefuse(line)) throw new Answered(refusalOf(line[0]!, 'policy-violation'));
      isRefused ||= refused;
      all.push(...replaced.map(({ start, end, by }) => ({ start: start + before, end: end + before, by })));
      before += text.length;
      return replaced.length === 0 ? run : [{ text: after, plain: false }];
    });
    if (isRefused) whole.removed = true;
    if (all.length === 0 || isRefused) return;
    whole.content = content;
    const message = line.at(-2);
    if (
      message !== undefined &&
      isNamed(message, clientNamespace, 'message') &&
      isNamed(element, clientNamespace, 'body', 'subject')
    )
      this.#changedTexts.push({ message, of: element.name as 'body', text: textOf(element), replaced: all });
  }

  #addressIn({ place, field }: Entry, text: string, line: Line): string | undefined {
    const { seals, opens } = this.#sealing(field!);
    if (seals === undefined && !opens) return text;
    const refuse = (): undefined => {
      if (this.#canRefuse(line)) throw new Answered(refusalOf(line[0]!, 'policy-violation'));
    };
    if (place.words) {
      const { after, refused } = this.#amongWords(text, seals, opens);
      return refused ? refuse() : after;
    }
    const seen = this.#addresses.see(text, this.#receiver, seals, opens);
    if (seen === 'as-is') return text;
    if (seen === 'refused') return refuse();
    return typeof seen === 'string' ? undefined : seen.address;
  }

  #amongWords(
    text: string,
    seals: Parameters<Addresses['see']>[2],
    opens: boolean,
  ): { after: string; refused: boolean; replaced: Replaced[] } {
    let after = '';
    let at = 0;
    let refused = false;
    const replaced: Replaced[] = [];
    for (const { start, end } of addressesIn(text)) {
      const seen = this.#addresses.see(text.slice(start, end), this.#receiver, seals, opens);
      if (seen === 'as-is' || seen === 'none') continue;
      if (seen === 'refused') refused = true;
      const by = typeof seen === 'string' ? '' : seen.address;
      replaced.push({ start, end, by });
      after += text.slice(at, start) + by;
      at = end;
    }
    return { after: after + text.slice(at), refused, replaced };
  }

  #withPositions(tree: Element): Element {
    if (this.#changedTexts.length === 0) return tree;
    const received = this.#received.get(tree) ?? tree;
    const changes = this.#changedTexts.filter(({ message }) => message === received);
    const content = tree.content.flatMap((node): (Element | Text)[] => {
      if (!isElement(node)) return [node];
      const inner = this.#withPositions(node);
      const moved = movePositions(this.#received.get(node) ?? node, inner, changes);
      return moved === undefined ? [] : [moved];
    });
    return { ...tree, content };
  }

  // ---- what holds ---------------------------------------------------------------------------------------------------

  /** Returns what the catalogue says of an element. What is said of every name of a namespace is said of those that are
   *  not named at this place. */
  #entriesOf({ namespace, name }: Element, line: Line): readonly Entry[] {
    const { entries } = this.#question.catalogue;
    const matching = (key: string): Entry[] =>
      entries.get(key)?.filter(({ place }) => selects(place, line)) ?? [];
    const named = matching(keyOf(namespace, name));
    const isElementNamed = named.some(({ place, kind }) => place.target === 'element' && kind !== 'return');
    return isElementNamed ? named : [...named, ...matching(keyOf(namespace, '*'))];
  }

  /** Returns the treatment of a field where an entry is about it. */
  #treatmentOf({ kind, field }: Entry): Treatment {
    if (field === undefined) return keep;
    if (kind === 'return') return this.#comesBack(field) ? this.#ruleFor(field, this.#sender) : keep;
    if (kind === 'field')
      return this.#withAnswers(field, this.#ruleFor(field, this.#receiver), this.#receiver);
    const treatment = this.#ruleFor(field, this.#sender);
    if (['refuse', 'answer', 'equalise'].includes(treatment.kind)) return treatment;
    return this.#isTimed(field, this.#sender) ? atOnce : keep;
  }

  #withAnswers(field: Field, treatment: Treatment, audience: Viewer): Treatment {
    return treatment.kind === 'keep' && this.#isTimed(field, audience) ? atOnce : treatment;
  }

  /** Where any answer is equalised, every other automatic answer has a time too: at once. */
  #isTimed({ classes, directions }: Field, audience: Viewer): boolean {
    return (
      this.#equalises[audience] && classes.has('automatic-answer') && directions.includes(towards(audience))
    );
  }

  #ruleFor(field: Field, audience: Viewer): Treatment {
    const { rules, policy } = this.#question;
    if (!field.directions.includes(towards(audience))) return keep;
    const treatment = treatmentOf(rules[audience], policy.unlisted, field.name);
    // Nothing lower can be said of anything in XMPP.
    return treatment.kind === 'lower' ? { kind: 'drop' } : treatment;
  }

  /** Returns whether the sender of this stanza was given pseudonyms of a field, which it may send back. */
  #comesBack(field: Field): boolean {
    return field.value !== 'uuid' && this.#ruleFor(field, this.#sender).kind === 'pseudonymise';
  }

  #time({ kind, place }: Entry, treatment: Treatment, line: Line): void {
    if (treatment.kind === 'pad') this.#sizes = treatment.sizes;
    if (treatment.kind === 'delay') this.#delay = Math.max(this.#delay, treatment.upTo);
    if (treatment.kind !== 'equalise' || isInner(line)) return;
    const [stanza, element] = [line[0]!, line.at(-1)!];
    const id = attributeOf(place.names === undefined ? stanza : element, place.names ?? 'id') ?? '';
    if (kind === 'request') {
      this.#awaited.delete(id);
      if (this.#awaited.size < awaitedMax) this.#awaited.set(id, treatment.after);
      return;
    }
    // The longest time applies; in an iq the inner element says more precisely what is answered.
    const isLonger = this.#answer === undefined || treatment.after > this.#answer.after;
    if (isLonger || isNamed(stanza, clientNamespace, 'iq')) this.#answer = { id, after: treatment.after };
  }

  /** @param line the element in which it is
   *  @returns false where what is not in the catalogue goes */
  #keepsUnlisted(line: Line): boolean {
    const { unlisted } = this.#question.policy;
    if (unlisted === 'refuse' && this.#canRefuse(line))
      throw new Answered(refusalOf(this.#question.stanza, 'policy-violation'));
    return unlisted === 'keep';
  }

  /** Returns whether a stanza can be refused for what is at this place. A stanza inside another has no sender who could be
   *  told, and an answer is not answered. */
  #canRefuse(line: Line): boolean {
    return (
      isStanza(this.#question.stanza) &&
      !isAnswer(this.#question.stanza) &&
      !isError(this.#question.stanza) &&
      !isInner(line)
    );
  }
}

type Pseudonymise = Extract<Treatment, { kind: 'pseudonymise' }>;

/** Which addresses are sealed for the receiver, and whether those that were sealed for the sender are opened. */
interface Sealed {
  readonly seals: Parameters<Addresses['see']>[2];
  readonly opens: boolean;
}

/** The treatment of an element as a whole. */
interface Whole {
  removed?: boolean;
  /** Sent to the sender of the stanza in its place. */
  reply?: string;
  /** Stands in the place of the element. */
  constant?: Element;
  /** Its new text, in the place of all that is in it. */
  text?: Text;
  /** Its content with other addresses in it, still to be treated. */
  content?: readonly (Element | Text)[];
}

interface Inside {
  readonly content: readonly (Element | Text)[];
  /** Something was removed, and nothing remains but hints and identifiers. */
  readonly emptied: boolean;
  /** Something remains that is no answer. */
  readonly other: boolean;
}

interface Treated extends Remains {
  readonly inside?: Inside;
  /** Attributes of an element that is removed for one of them. */
  readonly decided?: readonly Attribute[];
}

const keep: Treatment = { kind: 'keep' };
const atOnce: Treatment = { kind: 'equalise', after: 0 };
const nothingInside: Inside = { content: [], emptied: false, other: false };

/** Returns whether a client asks for a resource that is another in each session: the gatekeeper assigns such a one
 *  (RFC 6120 §7.6), and a request without one is the same for every client. */
function isRequestedResource({ kind, field, place }: Entry, treatment: Treatment): boolean {
  return (
    kind === 'field' &&
    field!.value === 'resource' &&
    place.part === 'whole' &&
    treatment.kind === 'pseudonymise' &&
    treatment.scope === 'session'
  );
}

function newTraits(): Traits {
  return {
    listed: false,
    owner: false,
    payload: false,
    wrapper: false,
    auxiliary: false,
    subject: false,
    speech: false,
    answer: false,
  };
}

function towards(audience: Viewer): Direction {
  return audience === 'gatekeeper' ? 'to-gatekeeper' : 'to-client';
}

function anyEqualised(rules: Rules): boolean {
  return [...rules.values()].some(({ kind }) => kind === 'equalise');
}

/** Returns whether an element is in a stanza that another one carries, or is it. */
function isInner(line: Line): boolean {
  return line.slice(1).some(isStanza);
}

function isNegotiation(stanza: Element): boolean {
  const outside = [
    'urn:ietf:params:xml:ns:xmpp-tls',
    'http://jabber.org/protocol/compress',
    'http://jabber.org/features/compress',
    'urn:ietf:params:xml:ns:xmpp-framing',
  ];
  return (
    outside.includes(stanza.namespace) || (stanza.namespace === streamsNamespace && stanza.name !== 'error')
  );
}

function isError(stanza: Element): boolean {
  return attributeOf(stanza, 'type') === 'error';
}

/** Returns whether an iq is an answer, which is not answered (RFC 6120 §8.2.3). */
function isAnswer(stanza: Element): boolean {
  return (
    isNamed(stanza, clientNamespace, 'iq') && ['result', 'error'].includes(attributeOf(stanza, 'type') ?? '')
  );
}

function publishes(stanza: Element): boolean {
  return elementsIn(stanza).some(
    (each) =>
      isNamed(each, pubsubNamespace, 'pubsub') &&
      elementsIn(each).some((child) => isNamed(child, pubsubNamespace, 'publish')),
  );
}

/** Error types by condition (RFC 6120 §8.3.3). */
const errorTypes: Readonly<Record<string, string>> = {
  'policy-violation': 'modify',
  forbidden: 'auth',
  'not-acceptable': 'modify',
};

/** Of two refusals for one element: the one of `policy-violation`, or else the later. */
function decisive(earlier: string | undefined, later: string): string {
  return earlier?.includes('<policy-violation ') === true ? earlier : later;
}

function refusalOf(stanza: Element, condition: string): string {
  return replyTo(
    stanza,
    'error',
    `<error type='${errorTypes[condition] ?? 'cancel'}'><${condition} xmlns='${errorsNamespace}'/></error>`,
  );
}

function answerTo(stanza: Element, payload: Element | undefined): string {
  return replyTo(stanza, 'result', payload === undefined ? '' : writeTree(payload));
}

/** Writes a reply: addresses exchanged, the same id. */
function replyTo(stanza: Element, type: string, content: string): string {
  const attributes = [
    ['from', 'to'],
    ['id', 'id'],
    ['to', 'from'],
  ].map(([name, of]) => {
    const value = attributeOf(stanza, of!);
    return value === undefined ? '' : ` ${name}='${quoted(value)}'`;
  });
  return `<${stanza.name} xmlns='${clientNamespace}'${attributes.join('')} type='${type}'>${content}</${stanza.name}>`;
}

/** Returns the constant element in the place of one. */
function constantFor({ answer }: Field, element: Element, treatment: Treatment): Element {
  const make = (namespace: string, name: string, content: readonly (Element | Text)[]): Element => ({
    namespace,
    name,
    attributes: [],
    declares: [],
    content,
  });
  if (treatment.kind === 'replace')
    return make(element.namespace, element.name, [{ text: treatment.text, plain: true }]);
  if (treatment.kind !== 'answer' || answer === undefined) return make('', '', []);
  const values = Object.entries(treatment.values).map(([name, text]) =>
    make(answer.namespace, name, [{ text, plain: true }]),
  );
  return make(answer.namespace, answer.name, values);
}

/** Turns an answer whose payload is withheld into an error: its recipient waits. */
function withheldAnswer(answer: Element): Element {
  const condition: Element = {
    namespace: errorsNamespace,
    name: 'service-unavailable',
    attributes: [],
    declares: [],
    content: [],
  };
  const error: Element = {
    namespace: clientNamespace,
    name: 'error',
    attributes: [{ namespace: '', name: 'type', value: 'cancel' }],
    declares: [],
    content: [condition],
  };
  const attributes = [
    ...answer.attributes.filter(({ namespace, name }) => namespace !== '' || name !== 'type'),
    { namespace: '', name: 'type', value: 'error' },
  ];
  return { ...answer, attributes, content: [error] };
}

function runsOf(content: readonly (Element | Text)[]): (Element | Text)[][] {
  const runs: (Element | Text)[][] = [];
  for (const node of content) {
    const last = runs.at(-1);
    if (last !== undefined && !isElement(node) && !isElement(last[0]!)) last.push(node);
    else runs.push([node]);
  }
  return runs;
}

function bare(jid: string): string {
  return jid.split('/', 1)[0] ?? '';
}

const uri = /^(xmpp:(?:\/\/[^/?#]*\/)?)([^?#]+)(.*)$/is;

/** Returns the JID in an XMPP URI (RFC 5122); undefined for other text. */
function jidIn(text: string): string | undefined {
  const written = uri.exec(text)?.[2];
  try {
    return written && decodeURIComponent(written);
  } catch {
    return undefined;
  }
}

function withResource(text: string, resource: string): string {
  const [, before, jid, after] = uri.exec(text)!;
  return `${before}${bare(jid!)}${resource === '' ? '' : `/${encodeURIComponent(resource)}`}${after}`;
}
