import type { ErrorRow } from './row.ts';

/** Errors and warnings of policies. The commands also name the field, and what to write in its place. */
export const policyErrors = {
  ERR_POLICY_YAML: {
    cause: 'The file is not one YAML document, or its aliases expand to too much.',
    remedy: 'Correct the YAML at the place named.',
  },
  ERR_POLICY_SCHEMA: {
    cause: 'The document has a key that is not known, lacks one, or has a value of another form.',
    remedy: 'Correct it; the schemas in deploy/schema let editors do so while you type.',
  },
  ERR_POLICY_FILE: {
    cause: 'A policy, catalogue, obligation, stanza or folder does not exist or cannot be read.',
    remedy: 'Correct the path or its permissions, or use the name of a shipped policy.',
  },
  ERR_POLICY_EXTENDS: {
    cause: 'What `extends` names is not there, or policies extend each other in a circle.',
    remedy: 'Name a policy in the same folder or a shipped one.',
  },
  ERR_CATALOGUE: {
    cause: 'An entry of the catalogue is wrong, or two define the same field.',
    remedy: 'Correct the entry; deploy/schema/catalogue.schema.json describes the form.',
  },
  ERR_POLICY_FIELD: {
    cause: 'The catalogue has no field of this name.',
    remedy: 'Use a name that `narthex policy fields` prints, or add an entry of your own.',
  },
  ERR_POLICY_TREATMENT: {
    cause: 'The treatment is not possible for the field, or for this audience.',
    remedy: 'Use one of those named in the message.',
  },
  ERR_POLICY_SCOPE: {
    cause:
      'A pseudonym per conversation for a value that all contacts are shown: it would link them all the same.',
    remedy: 'Use another scope; docs/policies.md says what each of them links.',
  },
  ERR_POLICY_ACCEPTS: {
    cause: 'The policy accepts a warning that nothing gives.',
    remedy: 'Remove the entry of `accepts`, or correct its code, field or audience.',
  },
  ERR_POLICY_E2EE_BOUND: {
    cause: 'The treatment changes what is bound inside end-to-end encryption: receivers could not decrypt.',
    remedy: 'Keep the field.',
  },
  ERR_POLICY_ROUTING: {
    cause: 'The treatment changes what delivery depends on.',
    remedy: 'Use one of the treatments named in the message.',
  },
  ERR_POLICY_OBLIGATION: {
    cause: "The policy withholds what a gatekeeper's published rules ask for, or shows what they forbid.",
    remedy: 'Follow the rule, or check against others with `--obligations`.',
  },
  ERR_POLICY_SETTLES: {
    cause:
      'The treatment takes away what tells the gatekeeper that a message has arrived: it may send it again.',
    remedy: 'Use one of the treatments named in the message; `lower` shows the least.',
  },
  ERR_POLICY_ANSWER_OWED: {
    cause: 'The treatment leaves a request without the answer that it is owed (RFC 6120 §8.2.3).',
    remedy: 'Use `refuse`, or `answer` where the field has one.',
  },
  ERR_POLICY_NEVER_MATCHES: {
    cause: 'The rule can never apply: the audience is not shown the field, or exceptions do not reach it.',
    remedy: 'Remove the rule, or put it where the message says.',
  },
  ERR_POLICY_SHADOWED: {
    cause: 'The rule never has an effect, because another takes away what it is in or says the same.',
    remedy: 'Remove the rule, or keep what is around it.',
  },
  ERR_POLICY_CONDITION: {
    cause: 'An exception is for a listener, a claim or a region that the proxy can never know.',
    remedy: 'Configure what the message names, or change the condition.',
  },
  ERR_POLICY_CONFLICT: {
    cause: 'Two exceptions say different things of one field and can apply at the same time.',
    remedy: 'Make their conditions exclude each other.',
  },
  ERR_POLICY_MEDIA: {
    cause: 'The policy seals addresses of media, and no media servers are configured.',
    remedy: 'Add `provider.media` and `http` to narthex.yaml, or remove the rule.',
  },
  ERR_POLICY_TEST: {
    cause: 'A test or example cannot be run, or did not come out as it says.',
    remedy: 'Correct the example or the policy; `narthex policy explain` shows why.',
  },
  ERR_POLICY_KEYS: {
    cause: 'A file of `policy.keyFiles` has fewer than 32 bytes.',
    remedy: 'Make one with `openssl rand 32`.',
  },
  WARN_POLICY_SHADOW: {
    cause: 'The policy says `mode: shadow`: nothing of it is enforced, and everything passes unchanged.',
    remedy:
      'Write `mode: enforce` or remove `mode`; to try a policy next to the one in force use `policy.shadow`.',
  },
  WARN_POLICY_BREAKS: {
    cause: 'The rule takes something away from users; the message says what.',
    remedy: 'Decide whether it is worth it; docs/what-works.md shows it for the shipped policies.',
  },
  WARN_POLICY_RECIPROCAL: {
    cause: 'Services show this only to those who show theirs.',
    remedy: 'Expect that users no longer see it of others.',
  },
  WARN_POLICY_ANSWER_OPEN: {
    cause: 'The time of an answer that clients give by themselves is left open, or only delayed at random.',
    remedy: 'Use `equalise`, or let the proxy withhold or give the answer (docs/timing.md).',
  },
  WARN_POLICY_UNLISTED: {
    cause: 'Fields that the policy does not name are left to `unlisted`.',
    remedy: 'Name them, or say what holds for all of them with `"*"`.',
  },
  WARN_POLICY_CAPS_HASH: {
    cause: 'The capability hash no longer fits what it stands for.',
    remedy: 'Use a capability profile, which changes both together (docs/capabilities.md).',
  },
  NOTE_POLICY_FEATURE: {
    cause: "The policy takes away what a feature needs that a gatekeeper's framework requires of clients.",
    remedy: 'Agree on it with the gatekeeper, or keep the field for it.',
  },
  WARN_POLICY_PROTOCOL: {
    cause: 'The treatment is not possible with every protocol of gatekeepers.',
    remedy: 'Use one that is, or check with `--config`, which knows the protocols.',
  },
  WARN_POLICY_BYPASS: {
    cause: 'What is kept lets the client go around the proxy.',
    remedy: 'Drop it, unless that is wanted.',
  },
  WARN_POLICY_OFFLINE: {
    cause:
      'The policy refuses the presence with which a client comes online, so that its user stays offline.',
    remedy: 'Use `drop`, which takes the field out of the presence.',
  },
  WARN_POLICY_FINGERPRINT: {
    cause: 'The policy hides in one place which client it is and shows it in another.',
    remedy: 'Hide both, or accept the warning with the reason.',
  },
  WARN_POLICY_EXPIRY: {
    cause: 'An exception has expired, or soon will.',
    remedy: 'Renew or remove it.',
  },
} as const satisfies Readonly<Record<`ERR_${string}` | `WARN_${string}` | `NOTE_${string}`, ErrorRow>>;

/** Codes of errors come from reading or checking; those of warnings are about a policy that runs. */
export type PolicyCode = keyof typeof policyErrors;
