/** Namespace names that all known parsers read alike (Namespaces in XML 1.0 §2.2).
 *
 *  Namespaces 1.0 requires a URI reference, and most parsers accept any text. Some trim white space, some refuse
 *  other text than a URI, and some join namespace and local name with `}`, a space or a line feed and split them
 *  again elsewhere. So a name must be a URI reference of RFC 3986 §4.1, in ASCII, without an IP literal. Every
 *  namespace that an XMPP specification registers is one, relative ones such as `vcard-temp` included. */

const character = "[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2}";
const pathCharacter = `(?:${character}|[:@])`;
const segments = `(?:/${pathCharacter}*)*`;
const authority = `//(?:(?:${character}|:)*@)?(?:${character})+(?::[0-9]{1,5})?${segments}`;
const absolutePath = `/(?:${pathCharacter}+${segments})?`;
const rootlessPath = `${pathCharacter}+${segments}`;
/** Without a scheme the first segment has no colon: a colon would end a scheme. */
const relativePath = `(?:${character}|@)+${segments}`;
const scheme = '[A-Za-z][A-Za-z0-9+.-]*:';
const tail = `(?:${pathCharacter}|[/?])*`;

const uriReference = new RegExp(
  `^(?:${scheme}(?:${authority}|${absolutePath}|${rootlessPath})|${authority}|${absolutePath}|${relativePath})` +
    `(?:\\?${tail})?(?:#${tail})?$`,
);

/** Returns whether a namespace name, with references resolved, is such a URI reference. */
export function isUriReference(name: string): boolean {
  return uriReference.test(name);
}
