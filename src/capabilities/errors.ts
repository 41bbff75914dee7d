/** Why a disco#info result, a hash or an XML input is refused. Codes only, never values. `preview`, `hash` and the
 *  log print them; ERRORS.md has cause and remedy of each. */
export type DiscoErrorCode =
  /** Not a disco#info query element. */
  | 'ERR_DISCO_NOT_INFO'
  /** An identity without category or type (XEP-0030 §3.1). */
  | 'ERR_DISCO_IDENTITY'
  /** A feature without `var` (XEP-0030 §3.1). */
  | 'ERR_DISCO_FEATURE'
  /** Two identities with the same category, type, language and name (XEP-0115 §5.4). */
  | 'ERR_DISCO_DUPLICATE_IDENTITY'
  /** Two features of the same name (XEP-0115 §5.4). */
  | 'ERR_DISCO_DUPLICATE_FEATURE'
  /** Two forms of the same FORM_TYPE (XEP-0115 §5.4). */
  | 'ERR_DISCO_DUPLICATE_FORM'
  /** A FORM_TYPE field with several values that differ (XEP-0115 §5.4). */
  | 'ERR_DISCO_FORM_TYPE'
  /** A character that XML 1.0 does not allow, or half a surrogate pair. */
  | 'ERR_DISCO_CHARACTER'
  /** More identities, features, forms, fields or values than `DiscoLimits` allows. */
  | 'ERR_DISCO_TOO_LARGE';

/** Why XEP-0390 gives a result no hash although XEP-0115 does (XEP-0390 §4.1, steps 1 to 3). */
export type HashSetErrorCode =
  /** The query has an element that is neither identity, feature nor data form. */
  | 'ERR_CAPS_FOREIGN_ELEMENT'
  /** A data form with `<reported/>` or `<item/>`. */
  | 'ERR_CAPS_FORM_TABLE'
  /** A data form whose FORM_TYPE is missing, not hidden, or given more than once (XEP-0068). */
  | 'ERR_CAPS_FORM_TYPE';
