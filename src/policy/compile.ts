/** Compiles the matrix of a policy into decision tables: one per direction and set of active exceptions. */
import { answerPayload } from '../minimisation/answer.ts';
import { coarsenTo } from '../minimisation/coarsen.ts';
import type { MediaAddresses } from '../minimisation/media-address.ts';
import type { Pseudonyms } from '../minimisation/pseudonymise.ts';
import { elementWith, replaceWith } from '../minimisation/replace.ts';
import type { Treatment } from '../minimisation/treatment.ts';
import { audienceOf, directions, opposite, type Audience, type Direction } from '../stanza/direction.ts';
import type { Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import { firstPolicyDecision, type Decision } from '../stanza/verdict.ts';
import { createVocabulary } from '../stanza/vocabulary.ts';
import {
  catalogueNames,
  everyForm,
  isAutomaticAnswer,
  isSealable,
  type Catalogue,
  type Field,
  type FieldSelector,
} from './catalogue.ts';
import { holdsFor, type Circumstances, type Holding } from './condition.ts';
import { compileMatcher, type Matcher, type MemoGeneration } from './match.ts';
import { overlayStricter } from './overlay-stricter.ts';
import {
  treatmentOf,
  type Matrix,
  type Policy,
  type PolicyException,
  type Rule,
  type Unlisted,
} from './policy.ts';
import { registeredNamespaces } from './registered-namespaces.ts';
import { overlay } from './resolve.ts';
import { protocolOfNamespace } from './protocols.ts';
import type { Selector } from './selector.ts';
import type { PseudonymRule } from './session-view.ts';
import type { PolicySubject } from './subject.ts';
import {
  DecisionTable,
  emptyEntry,
  flag,
  keyOf,
  namespaceOfKey,
  withRule,
  type AddressTreatment,
  type AttributeRules,
  type Effect,
  type Entry,
  type TableRule,
  type Transform,
  type TransformAt,
} from './table.ts';

export interface CompileOptions {
  readonly catalogue: Catalogue;
  /** Result of `vocabularyOf(catalogue)`: ids on the scanner's tape are of this vocabulary. */
  readonly names: Names;
  /** Required by policies that pseudonymise. */
  readonly pseudonyms?: Pseudonyms;
  /** Media servers whose addresses are sealed. Without them no address is. */
  readonly media?: MediaAddresses;
  /** Policies that were in force before, newest first: their pseudonyms are still mapped back. */
  readonly former?: readonly Policy[];
}

/** Numbers the decisions of one policy, without a gap. */
class DecisionNumbers {
  #next = firstPolicyDecision;

  next(): number {
    return this.#next++;
  }
}

/** A policy ready to run. Immutable, and shared by sessions. */
export class CompiledPolicy {
  readonly name: string;
  readonly mode: 'enforce' | 'shadow';
  readonly unlisted: Unlisted;
  readonly names: Names;
  readonly exceptions: readonly PolicyException[];
  readonly pseudonyms: Pseudonyms | undefined;
  readonly media: MediaAddresses | undefined;
  /** The memo generation of the matchers in its tables. */
  readonly generation: MemoGeneration = { stanza: 0 };
  readonly #policy: Policy;
  readonly #former: readonly Policy[];
  readonly #catalogue: Catalogue;
  readonly #numbers = new DecisionNumbers();
  readonly #decisions = new Map<string, Decision>();
  readonly #unlisted: (Decision | undefined)[] = [];
  readonly #tables: Record<Direction, Map<number | string, DecisionTable>> = {
    'to-gatekeeper': new Map(),
    'to-client': new Map(),
  };
  readonly #rulings = new Map<string, Ruling>();
  readonly #equalises: Readonly<Record<Direction, boolean>>;

  /** Compiles the tables of ordinary traffic.
   *  @throws RangeError `ERR_POLICY_KEYS` when the policy pseudonymises and there are no keys */
  constructor(policy: Policy, { catalogue, names, pseudonyms, media, former = [] }: CompileOptions) {
    this.name = policy.name;
    this.mode = policy.mode;
    this.unlisted = policy.unlisted;
    this.names = names;
    this.exceptions = policy.exceptions;
    this.pseudonyms = pseudonyms;
    this.media = media;
    this.#policy = policy;
    this.#former = former;
    this.#catalogue = catalogue;
    if (pseudonyms === undefined && pseudonymises(policy))
      throw new RangeError(`ERR_POLICY_KEYS: the policy ${policy.name} pseudonymises and there are no keys`);
    const matrices = [policy.matrix, ...policy.exceptions.map(({ matrix }) => matrix)];
    const any = (direction: Direction): boolean => matrices.some((each) => equalisesAny(each, direction));
    this.#equalises = { 'to-gatekeeper': any('to-gatekeeper'), 'to-client': any('to-client') };
    // Tables of exceptions are compiled when one first applies.
    for (const direction of directions) this.table(direction, 0);
  }

  /** Returns the table for a direction.
   *  @param applying bit mask of the active exceptions
   *  @param unsure bit mask of exceptions that may be active: of each field the stricter treatment is taken */
  table(direction: Direction, applying: number, unsure = 0): DecisionTable {
    const key = unsure === 0 ? applying : `${applying} ${unsure}`;
    const known = this.#tables[direction].get(key);
    if (known !== undefined) return known;
    const matrix = this.#matrixWith((index) => {
      if ((applying & (1 << index)) !== 0) return 'yes';
      return (unsure & (1 << index)) === 0 ? 'no' : 'unknown';
    });
    const { names, generation } = this;
    const policy = { ...this.#policy, matrix };
    const table = new TableBuilder({
      catalogue: this.#catalogue,
      names,
      policy,
      former: this.#former,
      generation,
      numbers: this.#numbers,
    }).build(direction);
    this.#tables[direction].set(key, table);
    return table;
  }

  /** @param holds whether the exception with this index applies */
  #matrixWith(holds: (index: number) => Holding): Policy['matrix'] {
    return this.exceptions.reduce((matrix, exception, index) => {
      const holding = holds(index);
      if (holding === 'no') return matrix;
      return holding === 'yes'
        ? overlay(matrix, exception.matrix)
        : overlayStricter({ matrix, unlisted: this.unlisted }, exception.matrix);
    }, this.#policy.matrix);
  }

  /** Returns whether the policy equalises the time of any answer in this direction, exceptions included. */
  equalises(direction: Direction): boolean {
    return this.#equalises[direction];
  }

  /** Returns the treatment of a field that is in no stanza (connection, HTTP), or that other code enforces. */
  treatment(audience: Audience, field: string): Treatment {
    return treatmentOf(this.#policy, audience, field).treatment;
  }

  /** Returns the decision about an unlisted element: the same object for each registered namespace, and one for all
   *  others.
   *  @param namespace id on the tape */
  unlistedDecision(namespace: number): Decision {
    const known = namespace > 0 ? namespace : 0;
    return (this.#unlisted[known] ??= {
      id: this.#numbers.next(),
      field: unlistedField,
      treatment: this.unlisted,
      reason: known === 0 ? 'not registered' : this.names.namespaces.nameOf(known)!,
    });
  }

  /** Returns the decision about a field, the same object each time, so that counting it is a look-up. Fields that
   *  the catalogue lacks share one. */
  decision(audience: Audience, field: string): Decision {
    const known = this.#catalogue.fields.has(field) ? field : unlistedField;
    const key = `${audience} ${known}`;
    let decision = this.#decisions.get(key);
    if (decision === undefined) {
      const { treatment, rule } = treatmentOf(this.#policy, audience, field);
      const reason = known === unlistedField ? 'not registered' : reasonOf(rule, this.name);
      const id = this.#numbers.next();
      this.#decisions.set(key, (decision = { id, field: known, treatment: treatment.kind, reason }));
    }
    return decision;
  }

  /** Returns the ruling on a field that is in no stanza. Exceptions for a gatekeeper or a connection apply; those for an
   *  account or a contact do not, since a connection has neither yet.
   *  @param context `now` is milliseconds since 1970 */
  ruling(audience: Audience, field: string, context: RulingContext): Ruling {
    const holding = this.exceptions.map(({ when, expiresAt }) =>
      context.now < expiresAt && when.contactDomain === undefined ? holdsFor(when, context, undefined) : 'no',
    );
    const key = `${audience} ${field} ${holding.join()}`;
    let ruling = this.#rulings.get(key);
    if (ruling === undefined) {
      ruling = this.#rule(audience, field, holding);
      this.#rulings.set(key, ruling);
    }
    return ruling;
  }

  #rule(audience: Audience, field: string, holding: readonly Holding[]): Ruling {
    const matrix = this.#matrixWith((index) => holding[index]!);
    const required = this.#catalogue.fields.get(field)?.classes.includes('gatekeeper-required') ?? false;
    return { ...decisionOn({ ...this.#policy, matrix }, audience, field, this.#numbers.next()), required };
  }
}

export interface RulingContext extends PolicySubject, Circumstances {
  readonly now: number;
}

/** How a field may appear to an audience. */
export interface Ruling {
  readonly treatment: Treatment;
  /** The same object for equal decisions, so that counting it is a look-up. */
  readonly decision: Decision;
  /** Whether a gatekeeper's published rules require the field. */
  readonly required: boolean;
}

function decisionOn(
  policy: Pick<Policy, 'matrix' | 'unlisted' | 'name'>,
  audience: Audience,
  field: string,
  id: number,
): { treatment: Treatment; decision: Decision } {
  const { treatment, rule } = treatmentOf(policy, audience, field);
  const reason = reasonOf(rule, policy.name);
  return { treatment, decision: { id, field, treatment: treatment.kind, reason } };
}

/** Field name in decisions about elements and attributes that the catalogue lacks. */
const unlistedField = 'unlisted';

function reasonOf(rule: Rule | undefined, policy: string): string {
  const by = rule === undefined ? `unlisted in ${policy}` : `policy ${rule.policy}`;
  return rule === undefined || rule.why === '' ? by : `${by}: ${rule.why}`;
}

/** Returns the scanner's vocabulary: the names of the catalogue, and others that are needed. */
export function vocabularyOf(
  catalogue: Catalogue,
  others: { readonly namespaces: readonly string[]; readonly locals: readonly string[] } = noNames,
): Names {
  const { namespaces, locals } = catalogueNames(catalogue);
  return createVocabulary({
    namespaces: [...namespaces, ...registeredNamespaces, ...others.namespaces],
    locals: [...locals, ...others.locals],
  });
}

const noNames = { namespaces: [], locals: [] };

function pseudonymises({ matrix, exceptions }: Policy): boolean {
  return [matrix, ...exceptions.map((exception) => exception.matrix)].some((each) =>
    (['gatekeeper', 'client', 'provider'] as const).some((audience) =>
      [...each[audience].values()].some(({ treatment }) => treatment.kind === 'pseudonymise'),
    ),
  );
}

function equalisesAny(matrix: Matrix, direction: Direction): boolean {
  return [...matrix[audienceOf(direction)].values()].some(({ treatment }) => treatment.kind === 'equalise');
}

interface TableOptions {
  readonly catalogue: Catalogue;
  readonly names: Names;
  /** The policy, with the exceptions that apply merged in. */
  readonly policy: Pick<Policy, 'matrix' | 'unlisted' | 'name'>;
  readonly former: readonly Policy[];
  readonly generation: MemoGeneration;
  readonly numbers: DecisionNumbers;
}

class TableBuilder {
  readonly #catalogue: Catalogue;
  readonly #names: Names;
  readonly #policy: Pick<Policy, 'matrix' | 'unlisted' | 'name'>;
  readonly #entries = new Map<number, Entry>();
  readonly #open = new Map<number, Entry>();
  readonly #anywhere: AttributeRules[] = [];
  readonly #listed: Uint8Array;
  readonly #former: readonly Policy[];
  readonly #generation: MemoGeneration;
  readonly #numbers: DecisionNumbers;
  #slots = 0;

  constructor({ catalogue, names, policy, former, generation, numbers }: TableOptions) {
    this.#numbers = numbers;
    this.#catalogue = catalogue;
    this.#names = names;
    this.#generation = generation;
    this.#policy = policy;
    this.#former = former;
    this.#listed = new Uint8Array(names.namespaces.size + 1);
    for (const namespace of [ns.client, ns.chat, ns.chatMarks, ns.streams, ns.xml])
      this.#listed[names.namespace(namespace)] = 1;
  }

  build(direction: Direction): DecisionTable {
    for (const { selector, wrapper, payload } of this.#catalogue.structure) {
      // A stanza owns nothing: each of its attributes is a field.
      const owner = isStanza(selector) ? 0 : flag.owner;
      const flags = owner | (wrapper ? flag.wrapper : 0) | (payload ? flag.payload : 0);
      this.#add(selector, { ...neutral, flags });
    }
    // A pseudonym is mapped back before other rules read the value.
    const forms = everyForm(this.#catalogue);
    for (const field of forms) if (!isSealable(field)) this.#addReturns(field, direction);
    for (const field of forms) {
      if (isSealable(field)) this.#addAddresses(field, direction);
      else this.#addField(field, direction);
      this.#addRequests(field, direction);
    }
    this.#spreadOpen();
    return new DecisionTable(this.#entries, this.#open, this.#anywhere, this.#listed);
  }

  /** Adds the rules for any name of a namespace to the entries of its names. They apply where no rule of the name does:
   *  `error/client:*` is also `error/client:body`. */
  #spreadOpen(): void {
    for (const [key, entry] of this.#entries) {
      const open = this.#open.get(namespaceOfKey(key));
      const named = entry.elements.map(({ matches }) => matches);
      if (open === undefined || named.includes(undefined)) continue;
      const unnamed: Matcher = (stanza, index) => !named.some((matches) => matches!(stanza, index));
      const here = ({ matches, ...rule }: TableRule): TableRule => ({
        ...rule,
        matches: (stanza, index) => (matches?.(stanza, index) ?? true) && unnamed(stanza, index),
      });
      entry.container ||= open.container;
      entry.elements.push(...open.elements.map(here));
      entry.texts.push(...open.texts.map(here));
      for (const { namespace, local, rules } of open.attributes)
        for (const rule of rules) addAttributeRule(entry.attributes, { namespace, local }, here(rule));
      for (const rule of open.others?.rules ?? []) addToOthers(entry, here(rule));
    }
  }

  /** Adds the rules that treat a field for the audience of this direction. */
  #addField(field: Field, direction: Direction): void {
    const audience = audienceOf(direction);
    const { treatment, decision } = this.#ruleFor(audience, field);
    const applies = field.directions.includes(direction);
    const slot = this.#slots;
    // One rule pseudonymises, the others map back.
    const rule = treatment.kind === 'pseudonymise' ? pseudonymRule(field, treatment) : undefined;
    const bound = this.#returnsOf(field, audience);
    if (rule !== undefined || bound.length > 0) this.#slots += 1 + bound.length;
    const equalises = equalisesAny(this.#policy.matrix, direction);
    for (const selector of field.selectors) {
      // An auxiliary field is auxiliary by whichever attribute it is selected.
      if (selector.target.kind !== 'element' && field.classes.includes('auxiliary'))
        this.#add({ ...selector, target: { kind: 'element' } }, { ...neutral, flags: flag.auxiliary });
      const effect = applies
        ? effectOf(field, selector, treatment, { slot, rule, bound, equalises })
        : keepEffect;
      this.#add(selector, {
        ...neutral,
        effect,
        decision: applies ? decision : undefined,
        dropsElement: selector.dropsElement,
        part: selector.part,
        inUri: selector.inUri,
        flags: flagsOf(field, selector) | (effect.kind === 'equalise' ? flag.answer : 0),
      });
    }
  }

  /** Adds rules that map pseudonyms back which this direction's receiver was given, when they are sent in return. */
  #addReturns(field: Field, direction: Direction): void {
    const other = opposite(direction);
    const slot = this.#slots;
    const rules = this.#returnsOf(field, audienceOf(other));
    this.#slots += rules.length;
    const unmaskAt: TransformAt = (bytes, from, to, session) =>
      session.unmaskAt(slot, bytes, from, to, rules);
    const unmask: Effect = {
      kind: 'transform',
      transform: (value, session) => session.unmask(slot, value, rules),
      ...(field.value === 'identifier' && { transformAt: unmaskAt }),
    };
    const toClientResource: Effect = {
      kind: 'transform',
      transform: (value, session) => session.toClientResource(slot, value, rules),
      transformAt: (bytes, from, to, session) => session.toClientResourceAt(slot, bytes, from, to, rules),
    };
    const selectors = field.returns.length > 0 ? field.returns : field.selectors;
    for (const selector of selectors) {
      const mapsBack = rules.length > 0 && field.directions.includes(other);
      if (!mapsBack && field.returns.length === 0) continue;
      this.#add(selector, {
        ...neutral,
        part: selector.part,
        inUri: selector.inUri,
        effect: mapsBack ? (selector.part === 'own-resource' ? toClientResource : unmask) : keepEffect,
      });
    }
  }

  /** Returns the rules under which this audience was given pseudonyms, the one in force first. */
  #returnsOf(field: Field, audience: Audience): PseudonymRule[] {
    if (field.value === 'uuid') return [];
    const matrices = this.#former.flatMap(({ matrix, unlisted, exceptions }) =>
      [matrix, ...exceptions.map((exception) => exception.matrix)].map((each) => ({
        matrix: each,
        unlisted,
      })),
    );
    const rules = [this.#policy, ...matrices].flatMap((policy) => {
      const { treatment } = treatmentOf(policy, audience, field.name);
      return treatment.kind === 'pseudonymise' ? [pseudonymRule(field, treatment)] : [];
    });
    return rules.filter(
      ({ scope, rotateMs }, index) =>
        rules.findIndex((each) => each.scope === scope && each.rotateMs === rotateMs) === index,
    );
  }

  /** Adds rules that seal addresses for this direction's receiver, and open those from the other side. An element is
   *  not listed merely because its text may have an address. */
  #addAddresses(field: Field, direction: Direction): void {
    const { treatment, decision } = this.#ruleFor(audienceOf(direction), field);
    const returned = this.#returnsOf(field, audienceOf(opposite(direction)));
    const open = returned.length > 0 && field.directions.includes(opposite(direction));
    const hides = treatment.kind === 'pseudonymise' && field.directions.includes(direction);
    const seal = hides ? { scope: treatment.scope, rotateMs: treatment.rotateMs } : undefined;
    const rule = { seal, open };
    const rewrite: AddressTreatment = (address, session) => session.rewriteAddress(address, rule);
    for (const selector of field.selectors) {
      const { words, dropsElement } = selector;
      if (words && !hides && !open) continue;
      const effect: Effect = hides || open ? { kind: 'address', words, rewrite } : keepEffect;
      const flags = words ? 0 : flagsOf(field, selector);
      this.#add(selector, { ...neutral, effect, decision, dropsElement, flags });
    }
  }

  /** Adds rules for requests: the proxy answers those of a withheld field, and records those whose answers are
   *  equalised. */
  #addRequests(field: Field, direction: Direction): void {
    const { treatment, decision } = this.#ruleFor(audienceOf(opposite(direction)), field);
    if (!field.directions.includes(opposite(direction))) return;
    const equalises = equalisesAny(this.#policy.matrix, opposite(direction));
    for (const selector of field.requests) {
      const effect = requestEffect(field, selector, treatment, equalises);
      if (effect === undefined) continue;
      // An awaited answer is counted when it comes, where it can be recognised without its request.
      const counts = effect.kind !== 'await' || field.selectors.length === 0;
      this.#add(selector, { ...neutral, effect, decision: counts ? decision : undefined });
    }
  }

  #ruleFor(audience: Audience, field: Field): { treatment: Treatment; decision: Decision } {
    return decisionOn(this.#policy, audience, field.name, this.#numbers.next());
  }

  #add(selector: Selector, rule: Omit<TableRule, 'matches'>): void {
    const compiled: TableRule = { ...rule, matches: compileMatcher(selector, this.#names, this.#generation) };
    const { target, steps } = selector;
    const last = steps.at(-1);
    for (const step of steps) {
      const entry = this.#entry(step.namespace, step.local);
      if (step !== last || target.kind !== 'element') entry.container = true;
    }
    if (target.kind === 'attribute' && target.name === '*') {
      addToOthers(this.#entry(last!.namespace, last!.local), compiled);
      return;
    }
    if (target.kind === 'attribute') {
      const local = this.#names.local(target.name);
      const namespace = target.namespace === '' ? 0 : this.#names.namespace(target.namespace);
      const list = last === undefined ? this.#anywhere : this.#entry(last.namespace, last.local).attributes;
      addAttributeRule(list, { namespace, local }, compiled);
      return;
    }
    const entry = this.#entry(last!.namespace, last!.local);
    (target.kind === 'text' ? entry.texts : entry.elements).push(compiled);
  }

  #entry(namespace: string, local: string): Entry {
    const namespaceId = this.#names.namespace(namespace);
    this.#listed[namespaceId] = 1;
    const wild = local === '*';
    const map = wild ? this.#open : this.#entries;
    const key = wild ? namespaceId : keyOf(namespaceId, this.#names.local(local));
    let entry = map.get(key);
    if (entry === undefined) map.set(key, (entry = emptyEntry()));
    return entry;
  }
}

function addAttributeRule(
  list: AttributeRules[],
  { namespace, local }: Pick<AttributeRules, 'namespace' | 'local'>,
  rule: TableRule,
): void {
  const known = list.findIndex((each) => each.local === local && each.namespace === namespace);
  const all = { local, namespace, ...withRule(list[known]?.rules ?? [], rule) };
  if (known === -1) list.push(all);
  else list[known] = all;
}

/** Adds a rule for attributes without a prefix that have no rules of their own. */
function addToOthers(entry: Entry, rule: TableRule): void {
  entry.others = { local: 0, namespace: 0, ...withRule(entry.others?.rules ?? [], rule) };
}

const keepEffect: Effect = { kind: 'keep' };

const neutral: Omit<TableRule, 'matches'> = {
  effect: keepEffect,
  decision: undefined,
  dropsElement: false,
  part: 'whole',
  inUri: false,
  flags: 0,
};

function isStanza({ steps }: Selector): boolean {
  const last = steps.at(-1);
  const protocol = last === undefined ? undefined : protocolOfNamespace(last.namespace);
  if (protocol?.stanzas.some(({ local }) => local === last!.local) !== true) return false;
  // Only XMPP has stanzas inside stanzas.
  return protocol.namespace === ns.client || steps.length === 1;
}

/** Returns the flags of an element. A stanza owns nothing: each of its attributes is a field. */
function flagsOf({ classes }: Field, selector: Selector): number {
  if (selector.target.kind !== 'element' || isStanza(selector)) return 0;
  const auxiliary = classes.includes('auxiliary') ? flag.auxiliary : 0;
  const wrapper = classes.includes('wrapper') ? flag.wrapper : 0;
  return flag.owner | auxiliary | wrapper | subjectFlagOf(selector);
}

/** Flags by which a change of a room's subject differs from other messages. */
const subjectFlags: Readonly<Record<string, number>> = {
  subject: flag.subject,
  body: flag.speech,
  thread: flag.speech,
};

function subjectFlagOf({ steps }: Selector): number {
  const [message, child] = steps.slice(-2);
  if (message?.local !== 'message' || message.namespace !== ns.client) return 0;
  return child?.namespace === ns.client ? (subjectFlags[child.local] ?? 0) : 0;
}

function effectOf(
  field: Field,
  { target, steps, part, names }: FieldSelector,
  treatment: Treatment,
  {
    slot,
    rule,
    bound,
    equalises,
  }: {
    readonly slot: number;
    /** Set for a treatment that pseudonymises. One object for all selectors of the field. */
    readonly rule: PseudonymRule | undefined;
    readonly bound: readonly PseudonymRule[];
    readonly equalises: boolean;
  },
): Effect {
  // A bound resource keeps its alias, also after the policy has stopped giving aliases.
  const toGatekeeperResource: Transform = (value, session) =>
    session.toGatekeeperResource(slot + 1, value, bound);
  const toGatekeeperResourceAt: TransformAt = (bytes, from, to, session) =>
    session.toGatekeeperResourceAt(slot + 1, bytes, from, to, bound);
  const isBound = part === 'own-resource' && bound.length > 0;
  switch (treatment.kind) {
    case 'keep':
      // The answered request may be one whose answers are equalised.
      if (equalises && isAutomaticAnswer(field))
        return { kind: 'equalise', field: field.name, afterMs: 0, names };
      return isBound
        ? { kind: 'transform', transform: toGatekeeperResource, transformAt: toGatekeeperResourceAt }
        : keepEffect;
    case 'drop':
      return field.classes.includes('wire') ? { kind: 'normalise' } : { kind: 'drop' };
    case 'refuse':
      return { kind: 'refuse', condition: treatment.condition };
    case 'replace': {
      if (target.kind !== 'element') return { kind: 'transform', transform: replaceWith(treatment.value) };
      const { namespace, local } = steps.at(-1)!;
      return { kind: 'substitute', payload: Buffer.from(elementWith(namespace, local, treatment.value)) };
    }
    case 'coarsen':
      return { kind: 'transform', transform: coarsenTo(treatment.to) };
    case 'lower':
      return lowerEffect(field);
    case 'pseudonymise': {
      if (isRequestedResource(field, part) && treatment.scope === 'session') return { kind: 'drop' };
      const transform: Transform = (value, session) =>
        isBound && session.isBound
          ? toGatekeeperResource(value, session)
          : session.pseudonymise(slot, value, rule!);
      const transformAt: TransformAt = (bytes, from, to, session) =>
        isBound && session.isBound
          ? toGatekeeperResourceAt(bytes, from, to, session)
          : session.pseudonymiseAt(slot, bytes, from, to, rule!);
      const isPlace = isBound || field.value === 'identifier';
      return { kind: 'transform', transform, ...(isPlace && { transformAt }) };
    }
    case 'delay':
      return { kind: 'delay', upToMs: treatment.upToMs };
    case 'equalise':
      return { kind: 'equalise', field: field.name, afterMs: treatment.afterMs, names };
    case 'pad':
      return { kind: 'pad', buckets: treatment.buckets };
    default:
      return { kind: 'substitute', payload: Buffer.from(payloadOf(field, treatment)) };
  }
}

/** Returns the effect of `lower`. What has nothing lower is dropped. */
function lowerEffect({ lower }: Field): Effect {
  if (lower === undefined || lower === 'drop') return { kind: 'drop' };
  return { kind: 'lower', attribute: lower.attribute, values: new Map(Object.entries(lower.values)) };
}

/** Returns whether a selector selects the resource that a client requests. A session's pseudonym for it would equal
 *  a resource that the gatekeeper assigns (RFC 6120 §7.6), and a request without one has the same bytes for every
 *  client. */
function isRequestedResource({ value }: Field, part: FieldSelector['part']): boolean {
  return value === 'resource' && part === 'whole';
}

/** Returns the effect on requests of a field.
 *  @param equalises whether the time of any answer is equalised for this audience */
function requestEffect(
  field: Field,
  { names }: FieldSelector,
  treatment: Treatment,
  equalises: boolean,
): Effect | undefined {
  switch (treatment.kind) {
    case 'refuse':
      return { kind: 'refuse', condition: treatment.condition };
    case 'answer':
      return { kind: 'answer', payload: payloadOf(field, treatment) };
    case 'equalise':
      return { kind: 'await', afterMs: treatment.afterMs, names };
    default:
      return equalises && isAutomaticAnswer(field) ? { kind: 'await', afterMs: 0, names } : undefined;
  }
}

function payloadOf({ answer }: Field, { values }: Extract<Treatment, { kind: 'answer' }>): string {
  const element = answer?.element;
  return element === undefined ? '' : answerPayload(element.namespace, element.local, values);
}

function pseudonymRule(
  field: Field,
  { scope, rotateMs }: Extract<Treatment, { kind: 'pseudonymise' }>,
): PseudonymRule {
  return { field: field.name, scope, rotateMs, uuid: field.value === 'uuid' };
}
