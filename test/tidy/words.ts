/** Words that comments, documents and messages do without, and what to say. A subject is a noun of the field; a verb
 *  says what is done. */

export interface Word {
  /** Matches the word in running text, as a whole word, in any case. */
  readonly pattern: RegExp;
  /** What to write in its place. */
  readonly say: string;
}

export const words: readonly Word[] = [
  { pattern: /\bwhoever\b/gi, say: 'name the party: the client, the peer, an observer' },
  { pattern: /\bnobody\b/gi, say: 'no client, no peer, no operator; or the passive with "not"' },
  { pattern: /\b(some|any|every)body\b/gi, say: 'name the party: a peer, an observer, each client' },
  { pattern: /\b(every|any)one\b(?! (of|that))/gi, say: 'name the party: each client, all operators' },
  { pattern: /\bways? out\b/gi, say: 'remedy' },
  {
    pattern: /\b(is|are|was|were|be|been|being) told\b/gi,
    say: 'receives, learns; is given, is called with',
  },
  { pattern: /\bmade[- ]up\b/gi, say: 'generated (tests), ephemeral (keys)' },
  { pattern: /\bbesides?\b/gi, say: 'next to (place); with, as well as (in addition)' },
  {
    pattern:
      /\bbehind\b(?!-lb\b|-(a-)?balancer| (a|an|the|one|its|such a|that|a trusted|trusted)? ?(load[- ]|TCP |TLS |another )?(balancer|prox|NAT\b|HAProxy|firewall))/gi,
    say: 'after (time, order); "behind" is for a balancer or a proxy',
  },
  { pattern: /\bof its own accord\b/gi, say: 'unasked' },
  { pattern: /\bthe way back\b/gi, say: 'the reverse mapping' },
  { pattern: /\b(for|by|of|from) whom\b/gi, say: 'name the party: the client, the user, the audience' },
  { pattern: /\bin vain\b/gi, say: 'without an answer, without effect' },
  { pattern: /\bwithout a (word|thought)\b/gi, say: 'silently; without an error; by default' },
  { pattern: /\b(goes|go|went) nowhere\b/gi, say: 'is dropped' },
  { pattern: /\bas (it|they) came\b/gi, say: 'as received; unchanged' },
  { pattern: /\bspeaks? for\b/gi, say: 'is valid for; acts in the name of' },
  { pattern: /\bknows? (nothing|no|better)\b/gi, say: 'has no; does not use' },
  { pattern: /\bhears? (of|nothing|that|no|what)\b/gi, say: 'receives; is called with' },
  { pattern: /\bsays? (nothing|no more)\b/gi, say: 'has no; does not reveal' },
  { pattern: /\bmeans nothing\b/gi, say: 'has no meaning; is unknown' },
  { pattern: /\bwhat becomes of\b/gi, say: 'the outcome, the treatment, the result' },
  { pattern: /\bat hand\b/gi, say: 'current' },
  { pattern: /\bof (ours|our own)\b/gi, say: "the proxy's own" },
];
