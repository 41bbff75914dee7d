/** A media type as in profiles and stanzas (RFC 2045 §5.1): `audio/ogg; codecs=opus`, `image/*`. */
export interface MediaType {
  /** Lower case; `*` in a pattern. */
  readonly type: string;
  readonly subtype: string;
  /** Names in lower case, values as written, quotes removed. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[\\w!#$%&'*+.^`|~-]+";
const syntax = new RegExp(`^(${token})/(${token})((?:\\s*;\\s*${token}=(?:${token}|"[^"]*"))*)\\s*$`);
const parameter = new RegExp(`;\\s*(${token})=(${token}|"[^"]*")`, 'g');

/** Parses a media type or a pattern of one; undefined for other text. */
export function parseMediaType(text: string): MediaType | undefined {
  const match = syntax.exec(text.trim());
  if (match === null) return undefined;
  const [, type, subtype, rest] = match;
  const parameters = new Map(
    [...rest!.matchAll(parameter)].map(([, name, value]) => [
      name!.toLowerCase(),
      value!.replaceAll('"', ''),
    ]),
  );
  return { type: type!.toLowerCase(), subtype: subtype!.toLowerCase(), parameters };
}

/** Returns whether a file of the declared type may match the pattern. A parameter that the file does not declare is
 *  not compared. */
export function mayMatch(pattern: MediaType, declared: MediaType): boolean {
  if (pattern.type !== '*' && pattern.type !== declared.type) return false;
  if (pattern.subtype !== '*' && pattern.subtype !== declared.subtype) return false;
  return [...pattern.parameters].every(([name, value]) => {
    const given = declared.parameters.get(name);
    return given === undefined || given.toLowerCase() === value.toLowerCase();
  });
}
