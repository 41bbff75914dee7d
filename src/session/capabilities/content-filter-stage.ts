/** The content filter: bounces, drops or replaces content that a client cannot receive by its profile. Follows the
 *  capability stage, which chooses the profile. */
import type { CapabilityPolicy } from '../../capabilities/advertisements.ts';
import { refusedKinds } from '../../capabilities/chat-content.ts';
import type { FilterVerdict } from '../../capabilities/content-filter.ts';
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import { refusal } from '../../minimisation/refuse.ts';
import type { Direction } from '../../stanza/direction.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import type { CapabilitySessions } from './capability-sessions.ts';
import type { SessionFacts } from '../facts.ts';
import type { StageFactory } from '../stage.ts';

/** Makes the content filter of each session. */
export function contentFilterStage(shared: CapabilitySessions): StageFactory {
  return {
    name: 'content-filter',
    begin: ({ context }) => {
      const chat = new ChatContent(context, shared);
      return {
        judge(stanza: Stanza, direction: Direction): Disposition {
          // What a client sends is filtered where it arrives, by the profile of the receiving client.
          if (direction === 'to-gatekeeper' || stanza.kind === 'nonza' || stanza.kind === 'presence')
            return forward;
          if (stanza.protocol.namespace === ns.chat) return chat.judge(stanza, direction);
          const profile = shared.profileOf(context);
          if (profile === undefined) return forward;
          const verdict = shared.filter.judge(stanza, profile);
          if (verdict.kind !== 'pass')
            for (const { kind } of verdict.refusals) shared.options.observer.filtered(verdict.kind, kind);
          return toVerdict(verdict);
        },
      };
    },
  };
}

/** Returns the profile of a client on the chat channel. Nothing is advertised there, so listener, domain and claims alone
 *  choose it: a client has no identity to ask for. */
export function chatProfile(
  { profiles }: CapabilityPolicy,
  { listener, domain, claims }: Pick<SessionFacts, 'listener' | 'domain' | 'claims'>,
): CapabilityProfile {
  return profiles.select({ listener, domain, claims, identityType: '' }).profile;
}

/** The content filter of one session on the chat channel. What is dropped is acknowledged. */
class ChatContent {
  readonly #context: SessionFacts;
  readonly #shared: CapabilitySessions;
  #chosen: { readonly policy: CapabilityPolicy; readonly profile: CapabilityProfile } | undefined;

  constructor(context: SessionFacts, shared: CapabilitySessions) {
    this.#context = context;
    this.#shared = shared;
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    const { policy, options } = this.#shared;
    const refused = refusedKinds(stanza, policy.table, this.#profileUnder(policy));
    if (refused.length === 0) return forward;
    for (const kind of refused) options.observer.filtered('drop', kind);
    const reply = refusal(stanza, direction, 'feature-not-implemented');
    return reply === undefined ? { kind: 'drop' } : { kind: 'drop', reply };
  }

  /** Returns the profile, chosen anew when the files have changed. */
  #profileUnder(policy: CapabilityPolicy): CapabilityProfile {
    if (this.#chosen?.policy !== policy)
      this.#chosen = { policy, profile: chatProfile(policy, this.#context) };
    return this.#chosen.profile;
  }
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
