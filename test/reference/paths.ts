/** The paths by which the catalogue says where a field is (policies/README.md, "How a field is found"). */
import { attributeOf, clientNamespace, elementsIn, xmlNamespace, type Element } from './tree.ts';

type Test = (element: Element) => boolean;

interface Step {
  readonly namespace: string;
  /** `*` for every name of the namespace that no other path names at this place. */
  readonly name: string;
  readonly tests: readonly Test[];
  /** Attributes and children that the conditions speak of, to make elements that meet them. */
  readonly mentions: readonly Mention[];
}

export type Mention =
  | { readonly attribute: string; readonly value: string }
  | { readonly child: { readonly namespace: string; readonly name: string } };

export interface Path {
  /** From the outermost element inwards. Empty for a path that begins with `*`: any element. */
  readonly steps: readonly Step[];
  /** What of the last element is meant. */
  readonly target: 'element' | 'text' | 'attribute';
  /** Of an attribute: `*` for those without a prefix that no other path names. */
  readonly attribute: { readonly namespace: string; readonly name: string };
}

/** Stanzas of the chat channel. */
export const chatStanzaNames = [
  'message', 'iq', 'presence', 'receipt', 'ack', 'notification', 'call', 'chatstate', 'status', 'ib',
] as const; // prettier-ignore

type Prefixes = Readonly<Record<string, string>>;

/** Reads a path. `stanza` as its first step stands for message, presence and iq, so it gives three. */
export function readPaths(source: string, prefixes: Prefixes): readonly Path[] {
  const start = /^(chat:)?stanza\b/.exec(source);
  if (start === null) return [readPath(source, prefixes)];
  const [written, prefix = ''] = start;
  const names = prefix === '' ? ['message', 'presence', 'iq'] : chatStanzaNames;
  return names.map((name) => readPath(prefix + name + source.slice(written.length), prefixes));
}

function readPath(source: string, prefixes: Prefixes): Path {
  const steps: Step[] = [];
  let target: Path['target'] = 'element';
  let attribute = { namespace: '', name: '' };
  for (const part of splitOutside(source, '/', '[', ']')) {
    if (part === '*') continue;
    if (part === 'text()') target = 'text';
    else if (part.startsWith('@')) {
      target = 'attribute';
      attribute = nameOf(part.slice(1), prefixes, '');
    } else steps.push(readStep(part, prefixes));
  }
  return { steps, target, attribute };
}

function readStep(part: string, prefixes: Prefixes): Step {
  const [name = ''] = part.split('[', 1);
  const tests = [...part.matchAll(/\[([^\]]*)\]/g)].map(([, condition]) => readTest(condition!, prefixes));
  return { ...nameOf(name, prefixes, clientNamespace), tests, mentions: mentionsIn(part, prefixes) };
}

function mentionsIn(part: string, prefixes: Prefixes): Mention[] {
  const attributes = [...part.matchAll(/@([\w-]+)(?:=|,)?(?:'([^']*)')?/g)].map(
    ([, attribute, value = 'x']) => ({ attribute: attribute!, value }),
  );
  const children = [...part.matchAll(/[[( ](\w+:[\w-]+)(?=[\]) ])/g)].map(([, name]) => ({
    child: nameOf(name!, prefixes, clientNamespace),
  }));
  return [...attributes, ...children];
}

function nameOf(
  written: string,
  prefixes: Prefixes,
  unprefixed: string,
): { namespace: string; name: string } {
  const [prefix, name] = written.includes(':') ? (written.split(':') as [string, string]) : ['', written];
  if (prefix === '') return { namespace: unprefixed, name };
  const namespace = prefix === 'xml' ? xmlNamespace : prefixes[prefix];
  if (namespace === undefined) throw new SyntaxError(`${written}: no such prefix`);
  return { namespace, name };
}

function readTest(condition: string, prefixes: Prefixes): Test {
  const alternatives = splitOutside(condition, ' or ', '(', ')');
  if (alternatives.length > 1) {
    const tests = alternatives.map((each) => readTest(each, prefixes));
    return (element) => tests.some((test) => test(element));
  }
  const negated = /^not\((.*)\)$/.exec(condition);
  if (negated !== null) {
    const test = readTest(negated[1]!, prefixes);
    return (element) => !test(element);
  }
  const part = /^(starts|ends)-with\(@([\w-]+),'([^']*)'\)$/.exec(condition);
  if (part !== null) {
    const [, end, name, value] = part as unknown as [string, string, string, string];
    return (element) => {
      const actual = attributeOf(element, name);
      return actual !== undefined && (end === 'starts' ? actual.startsWith(value) : actual.endsWith(value));
    };
  }
  const equal = /^@([\w:-]+)(?:='([^']*)')?$/.exec(condition);
  if (equal !== null) {
    const [, written, value] = equal as unknown as [string, string, string | undefined];
    const { namespace, name } = nameOf(written, prefixes, '');
    return (element) => {
      const actual = attributeOf(element, name, namespace);
      return value === undefined ? actual !== undefined : actual === value;
    };
  }
  const child = nameOf(condition, prefixes, clientNamespace);
  return (element) =>
    elementsIn(element).some((each) => each.name === child.name && each.namespace === child.namespace);
}

function splitOutside(text: string, separator: string, open: string, close: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === open) depth += 1;
    if (text[at] === close) depth -= 1;
    if (depth > 0 || !text.startsWith(separator, at)) continue;
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  return [...parts, text.slice(from)];
}

/** Returns whether a path selects the last of these elements.
 *  @param line an element and all around it, the outermost first */
export function selects({ steps }: Path, line: readonly Element[]): boolean {
  if (steps.length > line.length) return false;
  for (let back = 1; back <= steps.length; back += 1) {
    const step = steps[steps.length - back]!;
    const element = line[line.length - back]!;
    if (element.namespace !== step.namespace || (step.name !== '*' && element.name !== step.name))
      return false;
    for (const test of step.tests) if (!test(element)) return false;
  }
  return true;
}
