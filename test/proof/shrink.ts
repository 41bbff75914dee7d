/** Makes a triple on which the two disagree smaller, while they still disagree. */
import { isElement, joined, type Element, type Text } from '../reference/tree.ts';
import type { Audience } from '../reference/catalogue.ts';
import { Bench, newCounts, type Comparison } from './agreement.ts';
import type { Documents, PolicyDocument, WrittenAudiences } from './policies.ts';
import type { Triple } from './triples.ts';
import { spell } from './write.ts';

/** Trials of one shrinking. */
const trialsMax = 600;

/** Returns the comparison of one triple by itself; undefined where both agree, or it is none. */
export function compareAlone(triple: Triple): Comparison | undefined {
  try {
    return new Bench(triple.policies).compare(triple, newCounts());
  } catch {
    return undefined;
  }
}

/** Returns the smallest triple that was found, which both still judge differently. */
export function shrink(triple: Triple): Triple {
  let smallest = triple;
  let trials = 0;
  for (let again = true; again && trials < trialsMax;) {
    again = false;
    for (const candidate of smallerThan(smallest)) {
      trials += 1;
      if (trials > trialsMax) break;
      if (compareAlone(candidate) === undefined) continue;
      smallest = candidate;
      again = true;
      break;
    }
  }
  return smallest;
}

export function describeTriple(triple: Triple): string {
  const { policies, stanza, direction, session } = triple;
  const { gatekeeper } = session;
  const comparison = compareAlone(triple);
  return [
    `policy ${JSON.stringify(policies[gatekeeper])}`,
    `session ${JSON.stringify(session)}`,
    `stanza ${direction} ${spell(stanza)}`,
    `reference ${comparison?.reference.trim()}`,
    `engine    ${comparison?.engine.trim()}`,
  ].join('\n  ');
}

function* smallerThan(triple: Triple): Generator<Triple> {
  const { policies, session, stanza } = triple;
  const { gatekeeper } = session;
  const documents = policies[gatekeeper]!;
  if (Object.keys(policies).length > 1) yield { ...triple, policies: { [gatekeeper]: documents } };
  for (const smaller of smallerTrees(stanza)) yield { ...triple, stanza: smaller };
  for (const smaller of smallerDocuments(documents)) yield { ...triple, policies: { [gatekeeper]: smaller } };
  for (const [key, value] of [
    ['listener', undefined],
    ['claims', undefined],
    ['region', undefined],
    ['account', ''],
    ['resource', ''],
  ] as const)
    if (session[key] !== value) yield { ...triple, session: { ...session, [key]: value } };
}

function* smallerTrees(element: Element): Generator<Element> {
  const { content, attributes, declares } = element;
  for (let i = 0; i < content.length; i += 1) yield { ...element, content: joined(content.toSpliced(i, 1)) };
  for (let i = 0; i < attributes.length; i += 1) yield { ...element, attributes: attributes.toSpliced(i, 1) };
  for (let i = 0; i < declares.length; i += 1)
    if (!attributes.some(({ namespace }) => namespace === declares[i]))
      yield { ...element, declares: declares.toSpliced(i, 1) };
  for (const [i, node] of content.entries()) {
    if (isElement(node)) {
      yield { ...element, content: joined(content.toSpliced(i, 1, ...node.content)) };
      for (const smaller of smallerTrees(node))
        yield { ...element, content: content.toSpliced(i, 1, smaller) };
    } else if (node.text.length > 1)
      yield {
        ...element,
        content: content.toSpliced(i, 1, {
          ...node,
          text: [...node.text].slice(0, -1).join(''),
        } satisfies Text),
      };
  }
}

function* smallerDocuments(documents: Documents): Generator<Documents> {
  for (const [name, document] of Object.entries(documents))
    for (const smaller of smallerDocument(document)) yield { ...documents, [name]: smaller };
}

function* smallerDocument(document: PolicyDocument): Generator<PolicyDocument> {
  const { spec } = document;
  const { extends: parent, mode, unlisted, audiences, exceptions } = spec;
  const put = (changed: Partial<PolicyDocument['spec']>): PolicyDocument => ({
    ...document,
    spec: JSON.parse(JSON.stringify({ ...spec, ...changed })) as PolicyDocument['spec'],
  });
  if (parent !== undefined && parent !== 'passthrough') yield put({ extends: 'passthrough' });
  if (mode !== undefined) yield put({ mode: undefined as never });
  if (unlisted !== undefined) yield put({ unlisted: undefined as never });
  for (const smaller of smallerAudiences(audiences ?? {})) yield put({ audiences: smaller });
  for (const [index, exception] of (exceptions ?? []).entries()) {
    yield put({ exceptions: exceptions!.toSpliced(index, 1) });
    for (const smaller of smallerAudiences(exception.audiences))
      yield put({ exceptions: exceptions!.toSpliced(index, 1, { ...exception, audiences: smaller }) });
  }
}

/** Halves first: a policy may have two hundred rules. */
function* smallerAudiences(audiences: WrittenAudiences): Generator<WrittenAudiences> {
  for (const [audience, rules] of Object.entries(audiences) as [Audience, Record<string, never>][]) {
    const all = Object.entries(rules);
    for (let size = Math.ceil(all.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
      for (let from = 0; from < all.length; from += size)
        yield { ...audiences, [audience]: Object.fromEntries(all.toSpliced(from, size)) };
  }
}
