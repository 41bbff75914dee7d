/** Rewrites announced stream limits (XEP-0478) to the smaller of the gatekeeper's and the proxy's: a stanza between
 *  the two would end the stream. */
import { appendContent, setText } from '../../stanza/edits.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit } from '../../stanza/verdict.ts';
import type { StageFactory } from '../stage.ts';

/** The proxy's own limits. */
export interface OwnStreamLimits {
  /** Bytes of one stanza, before and after authentication. */
  readonly preAuthStanzaBytesMax: number;
  readonly stanzaBytesMax: number;
  /** Milliseconds for which a session may be idle; 0 for no limit. */
  readonly idleMs: number;
}

/** Makes the stage. Where the gatekeeper announces no limits, the proxy adds none.
 *  @param limitsFor returns the proxy's own limits for sessions with a gatekeeper */
export function streamLimitsStage(limitsFor: (gatekeeper: string) => OwnStreamLimits): StageFactory {
  return {
    name: 'stream-limits',
    begin: ({ context }) => ({
      judge(stanza, direction) {
        if (direction === 'to-gatekeeper' || stanza.kind !== 'nonza') return forward;
        if (!stanza.is(0, ns.streams, 'features')) return forward;
        const own = limitsFor(context.gatekeeper);
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

/** Returns edits that lower each limit to the proxy's, and add those that are missing or malformed. */
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
