/** The content filter: bounces, drops or replaces content that a client cannot receive by its profile. Follows the
 *  capability stage, which chooses the profile. */
import type { FilterVerdict } from '../../capabilities/content-filter.ts';
import type { Direction } from '../../stanza/direction.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import type { CapabilitySessions } from './capability-sessions.ts';
import type { StageFactory } from '../stage.ts';

/** Makes the content filter of each session. */
export function contentFilterStage(shared: CapabilitySessions): StageFactory {
  const { observer } = shared.options;
  return {
    name: 'content-filter',
    begin: ({ context }) => ({
      judge(stanza: Stanza, direction: Direction): Disposition {
        // What a client sends is filtered where it arrives, by the profile of the receiving client.
        if (direction === 'to-gatekeeper' || stanza.kind === 'nonza' || stanza.kind === 'presence')
          return forward;
        const profile = shared.profileOf(context);
        if (profile === undefined) return forward;
        const verdict = shared.filter.judge(stanza, profile);
        if (verdict.kind !== 'pass')
          for (const { kind } of verdict.refusals) observer.filtered(verdict.kind, kind);
        return toVerdict(verdict);
      },
    }),
  };
}

function toVerdict(verdict: FilterVerdict): Disposition {
  switch (verdict.kind) {
    case 'pass':
      return forward;
    case 'drop':
      return { kind: 'drop' };
    case 'bounce':
      return { kind: 'drop', reply: verdict.reply };
    default:
      return { kind: 'forward', edits: verdict.edits };
  }
}
