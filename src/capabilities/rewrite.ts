/** Rewrites a client's capabilities by its profile into those that the gatekeeper and every contact see. Pure: the
 *  same client and profile give the same advertisement, and a cohort's profile gives every client the same. */
import { ns } from '../stanza/namespaces.ts';
import { contentFormType, type ContentKinds } from './content-kinds.ts';
import type { HiddenInfo } from './disco-edits.ts';
import {
  canonicalDiscoInfo,
  writeDiscoContent,
  writeDiscoQuery,
  type DiscoForm,
  type DiscoInfo,
} from './disco-info.ts';
import {
  capabilityHash,
  capabilityHashNode,
  legacyCapsNode,
  verificationHash,
  writeHashSet,
  writeLegacyCaps,
} from './entity-capabilities.ts';
import { compareOctets } from './octets.ts';
import type { CapabilityProfile } from './profile.ts';

/** The advertisement that is sent in place of a client's own capabilities. */
export interface Advertisement {
  readonly info: DiscoInfo;
  /** The content of the `<query/>` in an answer. */
  readonly content: string;
  /** `<c/>` elements for a presence: XEP-0115, then XEP-0390; '' when the profile advertises neither. */
  readonly elements: string;
  /** Nodes by which others query it (XEP-0115 §6.2, XEP-0390 §4.3). */
  readonly nodes: readonly string[];
}

/** A feature that a client declared and no other party sees. */
interface Hidden {
  readonly feature: string;
  /** `not-received`: belongs only to kinds that the profile does not receive. `unlisted`: belongs to no kind and is not
   *  among the profile's features. `interest`: a +notify that the profile does not keep. */
  readonly reason: 'not-received' | 'unlisted' | 'interest';
}

/** The differences that the rewriting makes for each side. */
export interface RewriteReport {
  readonly hidden: readonly Hidden[];
  /** Features that are advertised although the client did not declare them: the profile states them. */
  readonly vouched: readonly string[];
  /** FORM_TYPEs of the client's own forms, which are all hidden. */
  readonly formsHidden: readonly string[];
  /** Whether the client's identities differ from the one that is shown. */
  readonly identityReplaced: boolean;
  /** Kinds that contacts will no longer send, with what users miss. */
  readonly kindsRefused: readonly { readonly kind: string; readonly loses: string }[];
  /** Nodes whose notifications the client requested and will not get (XEP-0163). */
  readonly interestsLost: readonly string[];
}

export interface Rewriting {
  readonly info: DiscoInfo;
  readonly report: RewriteReport;
}

const notify = '+notify';
const nothing: DiscoInfo = { identities: [], features: [], forms: [] };

/** Returns the advertisement of a client about which nothing is known: the cohort's, or of any other profile only
 *  what needs no declaration of the client. */
export function baseline(profile: CapabilityProfile, table: ContentKinds): DiscoInfo {
  return rewriteInfo(nothing, profile, table).info;
}

/** Rewrites what a client declares. */
export function rewriteInfo(client: DiscoInfo, profile: CapabilityProfile, table: ContentKinds): Rewriting {
  const declared = new Set(client.features);
  const wanted = wantedFeatures(profile, table);
  const content = profile.cohort
    ? wanted.advertised
    : [...wanted.advertised, ...wanted.onDeclaration].filter((feature) => declared.has(feature));
  const features = [...new Set([...content, ...interests(declared, profile, table), ...protocol(profile)])];
  const kinds = receivedKinds(declared, profile, table);
  const info = canonicalDiscoInfo({
    identities: [profile.identity],
    features,
    forms: profile.contentForm && kinds.length > 0 ? [contentForm(kinds, profile)] : [],
  });
  return { info, report: report(client, info, profile, table) };
}

/** Hashes and writes information: the elements for presence, and the nodes by which they are queried. Both kinds of
 *  hash are of the same information. */
export function advertise(info: DiscoInfo, profile: CapabilityProfile): Advertisement {
  const elements: string[] = [];
  const nodes: string[] = [];
  if (profile.caps) {
    const caps = { node: profile.node, ver: verificationHash(info) };
    elements.push(writeLegacyCaps(caps));
    nodes.push(legacyCapsNode(caps));
  }
  if (profile.hashSets.length > 0) {
    const hashes = profile.hashSets.map((algorithm) => capabilityHash(info, algorithm));
    elements.push(writeHashSet(hashes));
    nodes.push(...hashes.map(capabilityHashNode));
  }
  return { info, content: writeDiscoContent(info), elements: elements.join(''), nodes };
}

/** Advertisements of clients about which nothing is known, computed once for all sessions. A cohort's is what every
 *  client of it advertises. */
export class Baselines {
  readonly #known = new WeakMap<ContentKinds, WeakMap<CapabilityProfile, Advertisement>>();

  of(profile: CapabilityProfile, table: ContentKinds): Advertisement {
    const known = this.#known.get(table) ?? new WeakMap<CapabilityProfile, Advertisement>();
    this.#known.set(table, known);
    const advertisement = known.get(profile) ?? advertise(baseline(profile, table), profile);
    known.set(profile, advertisement);
    return advertisement;
  }
}

/** Returns the answer to a disco#info query: its `<query/>` with the node that was asked for. */
export function discoAnswer({ content }: Pick<Advertisement, 'content'>, node?: string): string {
  return writeDiscoQuery(content, node);
}

/** Returns features of the protocol itself: disco#info always, and caps exactly when a `<c/>` is sent. */
function protocol({ caps, hashSets }: CapabilityProfile): string[] {
  return [ns.discoInfo, ...(caps ? [ns.caps] : []), ...(hashSets.length > 0 ? [ns.caps2] : [])];
}

/** Returns the features of a profile. `onDeclaration`: those shown only where the client declares them, which a
 *  cohort cannot have. */
function wantedFeatures(
  profile: CapabilityProfile,
  table: ContentKinds,
): { readonly advertised: string[]; readonly onDeclaration: string[] } {
  const advertised = [...profile.features];
  const onDeclaration = [...table.encryption.features];
  for (const [name, { features }] of profile.receives) {
    advertised.push(...features);
    onDeclaration.push(...(table.kinds.get(name)?.also ?? []));
  }
  return { advertised, onDeclaration };
}

/** Returns the +notify features that remain. A cohort has its own list whatever the client requests. */
function interests(
  declared: ReadonlySet<string>,
  { interests: wanted, cohort }: CapabilityProfile,
  table: ContentKinds,
): string[] {
  if (wanted === 'none') return [];
  if (wanted === 'all') return [...declared].filter((feature) => feature.endsWith(notify));
  const nodes = wanted === 'keep-e2ee' ? table.encryption.interests : wanted;
  const features = nodes.map((node) => `${node}${notify}`);
  return cohort ? features : features.filter((feature) => declared.has(feature));
}

/** Returns the kinds for the form. Outside a cohort, a kind that has features is received by clients that declare
 *  one of them. */
function receivedKinds(
  declared: ReadonlySet<string>,
  { receives, cohort }: CapabilityProfile,
  table: ContentKinds,
): string[] {
  const names = [...receives.keys()].toSorted(compareOctets);
  if (cohort) return names;
  return names.filter((name) => {
    const own = [...receives.get(name)!.features, ...(table.kinds.get(name)?.also ?? [])];
    return own.length === 0 || own.some((feature) => declared.has(feature));
  });
}

/** Returns the form with the kinds and, where they are limited, media types and largest size in bytes. */
function contentForm(kinds: readonly string[], { receives }: CapabilityProfile): DiscoForm {
  const fields = [{ name: 'kinds', values: kinds }];
  for (const kind of kinds) {
    const { typeNames, bytesMax } = receives.get(kind)!;
    if (typeNames.length > 0) fields.push({ name: `${kind}.types`, values: typeNames });
    if (bytesMax !== undefined) fields.push({ name: `${kind}.max-bytes`, values: [String(bytesMax)] });
  }
  return { formType: contentFormType, fields };
}

function report(
  client: DiscoInfo,
  shown: DiscoInfo,
  profile: CapabilityProfile,
  table: ContentKinds,
): RewriteReport {
  const visible = new Set(shown.features);
  const declared = new Set(client.features);
  const missing = client.features.filter((feature) => !visible.has(feature)).toSorted(compareOctets);
  const ofKinds = new Set([...table.kinds.values()].flatMap(({ features, also }) => [...features, ...also]));
  return {
    hidden: missing.map((feature) => ({ feature, reason: hiddenBecause(feature, ofKinds) })),
    vouched: shown.features.filter((feature) => !declared.has(feature)),
    formsHidden: client.forms.map(({ formType }) => formType).toSorted(compareOctets),
    identityReplaced: JSON.stringify(client.identities) !== JSON.stringify(shown.identities),
    kindsRefused: [...table.kinds.values()]
      .filter(({ name }) => !profile.receives.has(name))
      .map(({ name, loses }) => ({ kind: name, loses })),
    interestsLost: missing
      .filter((feature) => feature.endsWith(notify))
      .map((feature) => feature.slice(0, -notify.length)),
  };
}

function hiddenBecause(feature: string, ofKinds: ReadonlySet<string>): Hidden['reason'] {
  if (feature.endsWith(notify)) return 'interest';
  return ofKinds.has(feature) ? 'not-received' : 'unlisted';
}

/** Returns what a client must not see of the gatekeeper's and contacts' capabilities: features that belong only to
 *  kinds that its profile does not receive, and forms that name software and operating system (XEP-0232). Features
 *  of no kind stay: the client needs its server's. */
export function hiddenFromClient(profile: CapabilityProfile, table: ContentKinds): HiddenInfo {
  if (profile.contacts === 'pass') return { features: new Set(), formTypes: new Set() };
  const hidden = new Set<string>();
  for (const { features, also } of table.kinds.values())
    for (const feature of [...features, ...also]) hidden.add(feature);
  for (const [name, { features }] of profile.receives) {
    const kind = table.kinds.get(name);
    for (const feature of [...features, ...(kind?.features ?? []), ...(kind?.also ?? [])])
      hidden.delete(feature);
  }
  return { features: hidden, formTypes: softwareForms };
}

/** Returns a contact's or the gatekeeper's information without what is hidden from the client. */
export function filterContactInfo(
  contact: DiscoInfo,
  profile: CapabilityProfile,
  table: ContentKinds,
): DiscoInfo {
  const { features, formTypes } = hiddenFromClient(profile, table);
  return {
    identities: contact.identities,
    features: contact.features.filter((feature) => !features.has(feature)),
    forms: contact.forms.filter(({ formType }) => !formTypes.has(formType)),
  };
}

/** Forms that name software and operating system (XEP-0232). */
const softwareForms: ReadonlySet<string> = new Set(['urn:xmpp:dataforms:softwareinfo']);
