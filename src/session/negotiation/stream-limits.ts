/** Limits of the stream as they are announced to the client (XEP-0478): the smaller of the gatekeeper's and the proxy's.
 *  A stanza between the two would end the stream at the one that is smaller. */
import { appendContent, setText } from '../../stanza/edits.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit } from '../../stanza/verdict.ts';
import type { StageFactory } from '../stage.ts';

/** The proxy's own. */
export interface OwnStreamLimits {
  /** One stanza, before authentication and after it. */
  readonly preAuthStanzaBytesMax: number;
  readonly stanzaBytesMax: number;
  /** How long a session may be silent, in milliseconds; 0 for any time. */
  readonly idleMs: number;
}

/** Makes the stage that rewrites an announcement. Where the gatekeeper announces nothing, neither does the proxy. */
export function streamLimitsStage(own: OwnStreamLimits): StageFactory {
  return {
    name: 'stream-limits',
    begin: ({ context }) => ({
      judge(stanza, direction) {
        if (direction === 'to-gatekeeper' || stanza.kind !== 'nonza') return forward;
        if (!stanza.is(0, ns.streams, 'features')) return forward;
        const bytes = context.phase === 'established' ? own.stanzaBytesMax : own.preAuthStanzaBytesMax;
        const ours = new Map([['max-bytes', bytes]]);
        if (own.idleMs > 0) ours.set('idle-seconds', Math.max(1, Math.floor(own.idleMs / 1_000)));
        const edits = [...stanza.children()]
          .filter((child) => stanza.is(child, ns.streamLimits, 'limits'))
          .flatMap((limits) => lower(stanza, limits, ours));
        return edits.length === 0 ? forward : { kind: 'forward', edits };
      },
    }),
  };
}

/** Edits that lower each limit to ours, and add ours where theirs is missing or no number. */
function lower(stanza: Stanza, limits: number, ours: ReadonlyMap<string, number>): Edit[] {
  const edits: Edit[] = [];
  const missing = new Map(ours);
  for (const child of stanza.children(limits)) {
    const name = stanza.localName(child);
    const our = ours.get(name);
    if (our === undefined || !stanza.is(child, ns.streamLimits, name)) continue;
    missing.delete(name);
    const theirs = stanza.text(child).trim();
    if (!/^\d{1,15}$/.test(theirs) || Number(theirs) > our) edits.push(setText(stanza, child, String(our)));
  }
  if (missing.size === 0) return edits;
  const added = [...missing].map(([name, our]) => `<${name} xmlns='${ns.streamLimits}'>${our}</${name}>`);
  return [...edits, appendContent(stanza, limits, added.join(''))];
}
