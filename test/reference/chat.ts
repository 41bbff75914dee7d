/** What one audience gets of a stanza of the chat channel, as policies/README.md, docs/chat-channel.md and the catalogue say
 *  it. It shares no code with the engine, which it is compared with. Values that become pseudonyms are not its matter. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { chatStanzaNames, readPaths, selects, type Path } from './paths.ts';
import { attributeOf, elementsIn, isElement, type Attribute, type Element, type Text } from './tree.ts';
import { coarsen } from './values.ts';

export const chatNamespace = 'urn:narthex:chat:0';
export const marksNamespace = 'urn:narthex:chat:marks:0';

export type Direction = 'to-gatekeeper' | 'to-client';

export type Treatment =
  | { readonly kind: 'keep' | 'drop' | 'refuse' | 'lower' }
  | { readonly kind: 'replace'; readonly text: string }
  | { readonly kind: 'coarsen'; readonly seconds: number };

interface Lower {
  readonly attribute: string;
  readonly values: Readonly<Record<string, string>>;
}

/** A field in one direction. */
export interface Form {
  readonly name: string;
  readonly directions: readonly Direction[];
  readonly classes: readonly string[];
  readonly permits: readonly string[];
  readonly lower: Lower | undefined;
  readonly example: string;
}

interface Entry {
  readonly path: Path;
  /** Undefined for an element that holds fields. */
  readonly form: Form | undefined;
  readonly dropsElement: boolean;
  readonly wrapper: boolean;
}

export interface ChatCatalogue {
  readonly forms: readonly Form[];
  readonly entries: readonly Entry[];
  /** Names of elements that hold fields. */
  readonly holders: ReadonlySet<string>;
}

type WrittenPath = string | { path: string; 'on-drop'?: string; wrapper?: boolean };

interface WrittenForm {
  direction: Direction | 'both';
  classes?: string[];
  permits: string[];
  lower?: Lower;
  select?: WrittenPath[];
  returns?: WrittenPath[];
  example: string;
}

interface WrittenFile {
  protocol?: string;
  namespaces: Record<string, string>;
  fields: Record<string, WrittenForm>;
  forms?: Record<string, WrittenForm[]>;
  structure?: WrittenPath[];
}

const folder = new URL('../../policies/catalogue/', import.meta.url).pathname;

export function readChatCatalogue(): ChatCatalogue {
  const files = readdirSync(folder)
    .map((file) => parse(readFileSync(folder + file, 'utf8')) as WrittenFile)
    .filter(({ protocol }) => protocol === 'chat-channel');
  const holders: Entry[] = [];
  const own: Entry[] = [];
  const others: Entry[] = [];
  const forms: Form[] = [];
  for (const { namespaces, fields, forms: more = {}, structure = [] } of files) {
    const read = (written: readonly WrittenPath[], form: Form | undefined): Entry[] =>
      written.flatMap((each) => {
        const given = typeof each === 'string' ? { path: each } : each;
        return readPaths(given.path, namespaces).map((path) => ({
          path,
          form,
          dropsElement: given['on-drop'] === 'element',
          wrapper: given.wrapper === true,
        }));
      });
    const add = (name: string, written: WrittenForm, to: Entry[]): void => {
      const { direction, classes = [], permits, lower, select = [], returns = [], example } = written;
      const directions: Direction[] = direction === 'both' ? ['to-gatekeeper', 'to-client'] : [direction];
      const form: Form = { name, directions, classes, permits, lower, example };
      forms.push(form);
      to.push(...read(returns, undefined), ...read(select, form));
    };
    holders.push(...read(structure, undefined));
    for (const [name, written] of Object.entries(fields)) add(name, written, own);
    for (const [name, list] of Object.entries(more)) for (const written of list) add(name, written, others);
  }
  const entries = [...holders, ...own, ...others];
  const names = entries.flatMap(({ path: { steps, target } }) =>
    steps
      .filter((_, index) => index < steps.length - 1 || target !== 'element')
      .map(({ namespace, name }) => `${name} ${namespace}`),
  );
  return { forms, entries, holders: new Set(names) };
}

/** The stanza goes no further, and its sender may be sent something in its place. */
class Stopped extends Error {}

export interface Question {
  readonly catalogue: ChatCatalogue;
  readonly direction: Direction;
  readonly treatmentOf: (field: string) => Treatment;
  readonly unlisted: 'drop' | 'keep' | 'refuse';
  readonly stanza: Element;
}

/** Returns the stanza that is sent on; `stopped` when none is. */
export function evaluateChat(question: Question): Element | 'stopped' {
  try {
    return new Evaluation(question).root();
  } catch (error) {
    if (error instanceof Stopped) return 'stopped';
    throw error;
  }
}

/** Stanzas whose sender is sent something when they are dropped (docs/chat-channel.md, "What is owed"). */
const owed: Readonly<Record<Direction, readonly string[]>> = {
  'to-client': ['message', 'receipt', 'notification', 'call', 'status'],
  'to-gatekeeper': ['message'],
};

interface Treated {
  readonly element: Element | undefined;
  readonly auxiliary: boolean;
}

class Evaluation {
  readonly #question: Question;
  readonly #owes: boolean;

  constructor(question: Question) {
    this.#question = question;
    const { stanza, direction } = question;
    const type = attributeOf(stanza, 'type') ?? '';
    this.#owes =
      stanza.name === 'iq' ? !['result', 'error'].includes(type) : owed[direction].includes(stanza.name);
  }

  root(): Element {
    const { element } = this.#element(this.#question.stanza, [], false);
    if (element === undefined) throw new Stopped();
    return element;
  }

  #element(element: Element, above: readonly Element[], isPart: boolean): Treated {
    const { catalogue } = this.#question;
    const line = [...above, element];
    const entries = catalogue.entries.filter(({ path }) => selects(path, line));
    const ofElement = entries.filter(({ path }) => path.target === 'element' && path.steps.length > 0);
    const isStanza = ({ path: { steps } }: Entry): boolean =>
      steps.length === 1 && (chatStanzaNames as readonly string[]).includes(steps[0]!.name);
    let owner = ofElement.some((entry) => !isStanza(entry)) || (above.length > 0 && isPart);
    const auxiliary = entries.some(
      ({ form, path }) => path.steps.length > 0 && form?.classes.includes('auxiliary') === true,
    );
    const wrapper = ofElement.some((entry) => entry.wrapper);
    const gone: Treated = { element: undefined, auxiliary };
    const lowered: [string, string][] = [];
    let isRefused = false;
    for (const { form } of ofElement) {
      const { kind } = this.#treatment(form);
      if (kind === 'refuse' && this.#owes) isRefused = true;
      else if (kind === 'drop' || kind === 'refuse' || (kind === 'lower' && form!.lower === undefined)) {
        if (isRefused) throw new Stopped();
        return gone;
      } else if (kind === 'lower') {
        const { attribute, values } = form!.lower!;
        const lower = values[attributeOf(element, attribute) ?? ''];
        if (lower !== undefined) lowered.push([attribute, lower]);
      }
    }
    const listed = ofElement.length > 0 || catalogue.holders.has(`${element.name} ${element.namespace}`);
    if (!owner && !listed) {
      if (!this.#keepsUnlisted()) {
        if (isRefused) throw new Stopped();
        return gone;
      }
      owner = true;
    }
    const attributes = this.#attributes(element, entries, owner, isRefused);
    if (attributes === undefined) return gone;
    if (isRefused) throw new Stopped();
    for (const [name, value] of lowered) set(attributes, name, value);
    const content: (Element | Text)[] = [];
    let lost = false;
    let remains = false;
    for (const node of element.content) {
      if (!isElement(node)) {
        if (this.#keepsText(node, entries, owner)) content.push(node);
        continue;
      }
      const child = this.#element(node, line, owner && node.namespace === element.namespace);
      if (child.element === undefined) lost = true;
      else {
        content.push(child.element);
        remains ||= !child.auxiliary;
      }
    }
    const isEmptied = lost && !remains && (wrapper || (above.length === 0 && element.name === 'iq'));
    return isEmptied ? gone : { element: { ...element, attributes, content }, auxiliary };
  }

  /** @returns undefined when one of them takes the element with it */
  #attributes(
    element: Element,
    entries: readonly Entry[],
    owner: boolean,
    earlier: boolean,
  ): Attribute[] | undefined {
    const kept: Attribute[] = [];
    let isRefused = earlier;
    for (const attribute of element.attributes) {
      const about = entries.filter(
        ({ path: { target, attribute: wanted } }) =>
          target === 'attribute' &&
          wanted.name === attribute.name &&
          wanted.namespace === attribute.namespace,
      );
      if (about.length === 0 && !(owner && attribute.namespace === '')) {
        if (this.#question.unlisted === 'refuse' && this.#owes) isRefused = true;
        else if (this.#question.unlisted === 'keep') kept.push(attribute);
        else if (attribute.namespace === marksNamespace) {
          if (isRefused) throw new Stopped();
          return undefined;
        }
        continue;
      }
      let value: string | undefined = attribute.value;
      for (const { form, dropsElement } of about) {
        const treatment = this.#treatment(form);
        if (treatment.kind === 'refuse' && this.#owes) isRefused = true;
        else if (['drop', 'refuse', 'lower'].includes(treatment.kind)) {
          if (dropsElement) {
            if (isRefused) throw new Stopped();
            return undefined;
          }
          value = undefined;
        } else if (treatment.kind === 'replace' && value !== undefined) value = treatment.text;
        else if (treatment.kind === 'coarsen' && value !== undefined)
          value = coarsen(value, { of: 'time', grain: treatment.seconds * 1_000 });
      }
      if (value !== undefined) kept.push({ ...attribute, value });
    }
    if (isRefused) throw new Stopped();
    return kept;
  }

  #keepsText(node: Text, entries: readonly Entry[], owner: boolean): boolean {
    const about = entries.filter(({ path: { target } }) => target === 'text');
    if (about.some(({ form }) => this.#treatment(form).kind !== 'keep')) return false;
    if (owner || about.length > 0 || node.text.trim() === '') return true;
    return this.#keepsUnlisted();
  }

  #treatment(form: Form | undefined): Treatment {
    const { direction, treatmentOf } = this.#question;
    return form === undefined || !form.directions.includes(direction)
      ? { kind: 'keep' }
      : treatmentOf(form.name);
  }

  #keepsUnlisted(): boolean {
    if (this.#question.unlisted === 'refuse' && this.#owes) throw new Stopped();
    return this.#question.unlisted === 'keep';
  }
}

function set(attributes: Attribute[], name: string, value: string): void {
  const at = attributes.findIndex((each) => each.name === name && each.namespace === '');
  if (at === -1) attributes.push({ namespace: '', name, value });
  else attributes[at] = { ...attributes[at]!, value };
}

/** Returns every element of a stanza, the stanza first. */
export function everyElement(element: Element): readonly Element[] {
  return [element, ...elementsIn(element).flatMap(everyElement)];
}
