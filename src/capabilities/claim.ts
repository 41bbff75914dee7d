/** Reads claims and answers about capabilities: the `<c/>` elements of a presence, and the answer to a query. */
import type { Element } from '@xmpp/xml';
import { ns } from '../stanza/namespaces.ts';
import type { CapabilityClaim, ClaimedInfo } from './capability-cache.ts';
import { elementsOf, isNamed, readDiscoInfo } from './disco-info.ts';
import { hashesNamespace, type CapabilityHash, type LegacyCaps } from './entity-capabilities.ts';
import type { DiscoErrorCode } from './errors.ts';

/** Hashes of one set that are read; further ones are ignored. */
const hashesMax = 8;

/** Returns the claim of a stanza or stream feature with `<c/>` elements. Of several, the first of each kind counts. */
export function readClaim(carrier: Element): CapabilityClaim {
  const children = elementsOf(carrier);
  const caps = children.find((child) => isNamed(child, ns.caps, 'c'));
  const set = children.find((child) => isNamed(child, ns.caps2, 'c'));
  const legacy = caps === undefined ? undefined : readLegacyCaps(caps);
  return {
    ...(legacy === undefined ? {} : { caps: legacy }),
    hashSet: set === undefined ? [] : readHashSet(set),
  };
}

function readLegacyCaps({ attrs: { node, ver, hash } }: Element): LegacyCaps | undefined {
  if (node === undefined || ver === undefined) return undefined;
  return { node, ver, ...(hash === undefined ? {} : { hash }) };
}

function readHashSet(element: Element): CapabilityHash[] {
  return elementsOf(element)
    .filter((child) => isNamed(child, hashesNamespace, 'hash'))
    .slice(0, hashesMax)
    .map((child) => ({ algorithm: child.attrs['algo'] ?? '', value: child.getText().trim() }));
}

/** An answer to a disco#info query, read both ways that its hash may have been computed (see `DiscoReadOptions`). */
export type Answer =
  | { readonly kind: 'answer'; readonly readings: readonly [ClaimedInfo, ...ClaimedInfo[]] }
  | { readonly kind: 'refused'; readonly code?: DiscoErrorCode };

/** Reads the `<query/>` of an answer. A missing or malformed one counts as refused. */
export function readAnswer(query: Element | undefined, streamLang = ''): Answer {
  if (query === undefined) return { kind: 'refused' };
  const readings: ClaimedInfo[] = [];
  let code: DiscoErrorCode | undefined;
  for (const language of ['inherited', 'own'] as const) {
    const reading = readDiscoInfo(query, { streamLang, language });
    if (reading.kind === 'info') readings.push(reading);
    else code ??= reading.code;
  }
  const [first, ...rest] = readings;
  if (first === undefined) return { kind: 'refused', ...(code === undefined ? {} : { code }) };
  return { kind: 'answer', readings: [first, ...rest] };
}
