/** Namespace names that every parser in use reads alike (Namespaces in XML 1.0 §2.2).
 *
 *  Namespaces 1.0 asks for a URI reference and most parsers take any text, but some trim white space, some refuse what
 *  is no URI, and some join namespace and local name with `}`, a space or a line feed and split them again elsewhere.
 *  So a name must be a URI reference by RFC 3986 §4.1, in ASCII, without an IP literal: every namespace that an XMPP
 *  specification registers is one, relative ones such as `vcard-temp` included. */

const character = "[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2}";
const pathCharacter = `(?:${character}|[:@])`;
const segments = `(?:/${pathCharacter}*)*`;
const authority = `//(?:(?:${character}|:)*@)?(?:${character})+(?::[0-9]{1,5})?${segments}`;
const absolutePath = `/(?:${pathCharacter}+${segments})?`;
const rootlessPath = `${pathCharacter}+${segments}`;
/** Without a scheme the first segment has no colon, which would end one. */
const relativePath = `(?:${character}|@)+${segments}`;
const scheme = '[A-Za-z][A-Za-z0-9+.-]*:';
const tail = `(?:${pathCharacter}|[/?])*`;

const uriReference = new RegExp(
  `^(?:${scheme}(?:${authority}|${absolutePath}|${rootlessPath})|${authority}|${absolutePath}|${relativePath})` +
    `(?:\\?${tail})?(?:#${tail})?$`,
);

/** Whether a namespace name, references resolved, is such a URI reference. */
export function isUriReference(name: string): boolean {
  return uriReference.test(name);
}
