/** Selectors: a small subset of XPath that can be matched on a tape.
 *
 *      presence/idle:idle/@since                    attribute of a child of presence
 *      iq[@type='get']/version:query                a condition on a step
 *      message[not(omemo:encrypted)]/body           a condition on children
 *      delay:delay/text()                           character data
 *      sasl2:user-agent/@*                          attributes without a prefix that no other selector names
 *      stanza/@from                                 any of message, presence, iq
 *      chat:stanza/@t                               any stanza of the protocol of this namespace
 *      chat:iq[@n:xmlns='usync']/chat:usync         a condition on an attribute with a prefix
 *      any name without a prefix                    in jabber:client
 *
 *  A path begins anywhere, so `delay:delay` also finds the element in a stanza forwarded inside another. */
import { ns } from '../stanza/namespaces.ts';
import { protocolOfNamespace } from './protocols.ts';

/** A condition on one element. The namespace of an attribute without a prefix is ''. */
export type Condition =
  | {
      readonly kind: 'attribute';
      readonly namespace: string;
      readonly name: string;
      readonly test: 'present';
    }
  | {
      readonly kind: 'attribute';
      readonly namespace: string;
      readonly name: string;
      readonly test: 'equals' | 'starts-with' | 'ends-with';
      readonly value: string;
    }
  | { readonly kind: 'child'; readonly namespace: string; readonly local: string }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'or'; readonly of: readonly Condition[] };

export interface Step {
  readonly namespace: string;
  /** Local name; `*` for any in the namespace. */
  readonly local: string;
  readonly conditions: readonly Condition[];
}

/** The part of the last step's element that is selected. */
type Target =
  | { readonly kind: 'element' }
  | { readonly kind: 'text' }
  /** `*` for every name that no other selector asks for. */
  | { readonly kind: 'attribute'; readonly name: string; readonly namespace: string };

export interface Selector {
  /** The selector as written. */
  readonly source: string;
  /** Steps from the outermost element inwards. Empty for `*`, which selects any element. */
  readonly steps: readonly Step[];
  readonly target: Target;
}

const xmlNamespace = ns.xml;

/** Parses a selector and its alternatives.
 *  @throws SyntaxError with a message for the author */
export function parseSelector(source: string, namespaces: Readonly<Record<string, string>>): Selector[] {
  const parser = new SelectorParser(source, namespaces);
  const selector = parser.parse();
  const first = selector.steps[0];
  const protocol = first?.local === 'stanza' ? protocolOfNamespace(first.namespace) : undefined;
  if (first === undefined || protocol === undefined) return [selector];
  return protocol.stanzas.map(({ local }) => ({
    ...selector,
    steps: [{ ...first, local }, ...selector.steps.slice(1)],
  }));
}

class SelectorParser {
  readonly #source: string;
  readonly #namespaces: Readonly<Record<string, string>>;
  #at = 0;

  constructor(source: string, namespaces: Readonly<Record<string, string>>) {
    this.#source = source;
    this.#namespaces = namespaces;
  }

  parse(): Selector {
    const steps: Step[] = [];
    let target: Target = { kind: 'element' };
    if (this.#take('*')) {
      this.#expect('/@');
      target = this.#attribute();
    } else {
      steps.push(this.#step());
      while (target.kind === 'element' && this.#take('/')) {
        if (this.#take('@')) target = this.#attribute();
        else if (this.#take('text()')) target = { kind: 'text' };
        else steps.push(this.#step());
      }
    }
    if (this.#at < this.#source.length) this.#fail('cannot be read from here');
    return { source: this.#source, steps, target };
  }

  #step(): Step {
    const { namespace, local } = this.#name();
    const conditions: Condition[] = [];
    while (this.#take('[')) {
      conditions.push(this.#or());
      this.#expect(']');
    }
    return { namespace, local, conditions };
  }

  #or(): Condition {
    const of = [this.#condition()];
    while (this.#take(' or ')) of.push(this.#condition());
    return of.length === 1 ? of[0]! : { kind: 'or', of };
  }

  #condition(): Condition {
    if (this.#take('not(')) {
      const of = this.#or();
      this.#expect(')');
      return { kind: 'not', of };
    }
    for (const test of ['starts-with', 'ends-with'] as const) {
      if (!this.#take(`${test}(@`)) continue;
      const of = this.#attributeName();
      this.#expect(',');
      const value = this.#literal();
      this.#expect(')');
      return { kind: 'attribute', ...of, test, value };
    }
    if (!this.#take('@')) return { kind: 'child', ...this.#name() };
    const of = this.#attributeName();
    if (!this.#take('=')) return { kind: 'attribute', ...of, test: 'present' };
    return { kind: 'attribute', ...of, test: 'equals', value: this.#literal() };
  }

  #attribute(): Target {
    if (this.#take('*')) return { kind: 'attribute', name: '*', namespace: '' };
    return { kind: 'attribute', ...this.#attributeName() };
  }

  #attributeName(): { name: string; namespace: string } {
    if (this.#take('xml:')) return { name: this.#word(), namespace: xmlNamespace };
    const first = this.#word();
    if (!this.#take(':')) return { name: first, namespace: '' };
    return { namespace: this.#namespaceOf(first), name: this.#word() };
  }

  #name(): { namespace: string; local: string } {
    const first = this.#word();
    if (!this.#take(':')) return { namespace: ns.client, local: first };
    const namespace = this.#namespaceOf(first);
    return { namespace, local: this.#take('*') ? '*' : this.#word() };
  }

  #namespaceOf(prefix: string): string {
    const namespace = Object.hasOwn(this.#namespaces, prefix) ? this.#namespaces[prefix] : undefined;
    return namespace ?? this.#fail(`uses the undeclared prefix ${prefix}`);
  }

  #word(): string {
    const word = /^[A-Za-z_][A-Za-z0-9._-]*/.exec(this.#source.slice(this.#at))?.[0];
    if (word === undefined) this.#fail('lacks a name');
    this.#at += word.length;
    return word;
  }

  #literal(): string {
    const literal = /^'([^']*)'/.exec(this.#source.slice(this.#at));
    if (literal === null) this.#fail('lacks a value in single quotes');
    this.#at += literal[0].length;
    return literal[1]!;
  }

  #take(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) this.#fail(`lacks ${token}`);
  }

  #fail(problem: string): never {
    throw new SyntaxError(`the selector ${this.#source} ${problem} (character ${this.#at + 1})`);
  }
}
