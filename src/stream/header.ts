import type { StreamScope } from '../stanza/stanza.ts';

/** A stream header as read (RFC 6120 §4.7). */
export interface StreamHeader {
  /** Whether an XML declaration stood before it. */
  readonly declaration: boolean;
  /** Attributes by qualified name (`to`, `from`, `id`, `version`, `xml:lang`), namespace declarations excluded. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Prefix of the streams namespace, usually `stream`; '' when it is the default namespace. */
  readonly prefix: string;
  readonly scope: StreamScope;
}

/** What holds before any header was read. */
export const emptyScope: StreamScope = {
  contentNamespace: '',
  declarations: new Map(),
  unknownNamespaces: [],
  lang: '',
};
