/** Errors of disco#info results, capability hashes and capability documents. */
import type { ErrorRow } from './row.ts';

const stock = 'Correct the result, or have the software that made it corrected.';

export const discoErrors = {
  ERR_DISCO_NOT_INFO: {
    cause: 'The XML holds no disco#info query.',
    remedy: 'Pass the result of a disco#info request.',
  },
  ERR_DISCO_IDENTITY: { cause: 'An identity has no category or no type (XEP-0030 §3.1).', remedy: stock },
  ERR_DISCO_FEATURE: { cause: 'A feature has no `var` (XEP-0030 §3.1).', remedy: stock },
  ERR_DISCO_DUPLICATE_IDENTITY: { cause: 'Two identities are the same (XEP-0115 §5.4).', remedy: stock },
  ERR_DISCO_DUPLICATE_FEATURE: { cause: 'Two features are the same (XEP-0115 §5.4).', remedy: stock },
  ERR_DISCO_DUPLICATE_FORM: { cause: 'Two forms have the same FORM_TYPE (XEP-0115 §5.4).', remedy: stock },
  ERR_DISCO_FORM_TYPE: {
    cause: 'A FORM_TYPE has several values that differ (XEP-0115 §5.4).',
    remedy: stock,
  },
  ERR_DISCO_CHARACTER: { cause: 'A text has a character that XML 1.0 does not allow.', remedy: stock },
  ERR_DISCO_TOO_LARGE: {
    cause: 'There are more identities, features, forms, fields or values than allowed.',
    remedy: 'A legitimate client has far fewer; nothing is to be configured.',
  },
  ERR_CAPS_FOREIGN_ELEMENT: {
    cause:
      'The query holds something else than identities, features and forms, so XEP-0390 gives it no hash.',
    remedy: stock,
  },
  ERR_CAPS_FORM_TABLE: {
    cause: 'A form holds a table, so XEP-0390 gives the result no hash.',
    remedy: stock,
  },
  ERR_CAPS_FORM_TYPE: {
    cause: 'A form has no single hidden FORM_TYPE (XEP-0068), so XEP-0390 gives the result no hash.',
    remedy: stock,
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export const profileErrors = {
  ERR_YAML: { cause: 'The document is not YAML 1.2.', remedy: 'Correct the YAML at the place named.' },
  ERR_CONTENT_KINDS: {
    cause: 'The table of content kinds is not of its form.',
    remedy: 'Correct the value at the place named; deploy/schema has the schema for editors.',
  },
  ERR_CONTENT_KIND: {
    cause: 'A profile names a content kind that the table does not have.',
    remedy: 'Correct the name, or add the kind to the table.',
  },
  ERR_CAPABILITY_PROFILE: {
    cause: 'A capability profile is not of its form.',
    remedy: 'Correct the value at the place named; deploy/schema has the schema for editors.',
  },
  ERR_PROFILE_NAME: { cause: 'Two profiles have the same name.', remedy: 'Rename one of the two.' },
  ERR_PROFILE_CLAIM: {
    cause: 'A profile asks for a claim that no session can have, and would never be chosen.',
    remedy:
      "Set the gatekeeper's `channelBinding: reauthenticate` and list the claim in `provider.claims.allowed`, or leave " +
      '`claim` out of the profile.',
  },
  ERR_PROFILE_DEFAULT: {
    cause: 'Not exactly one profile is the default.',
    remedy: 'Mark one profile as the default.',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
