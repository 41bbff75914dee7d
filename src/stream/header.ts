import type { StreamScope } from '../stanza/stanza.ts';

/** A stream header as read (RFC 6120 §4.7). */
export interface StreamHeader {
  /** Whether an XML declaration preceded it. */
  readonly declaration: boolean;
  /** Attributes by qualified name (`to`, `from`, `id`, `version`, `xml:lang`), namespace declarations excluded. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Prefix of the streams namespace, usually `stream`; '' when it is the default namespace. */
  readonly prefix: string;
  readonly scope: StreamScope;
}

/** Prefix of the streams namespace in every header that the proxy writes (RFC 6120 §4.8.5). */
export const streamPrefix = 'stream';

/** The scope before a header was read. */
export const emptyScope: StreamScope = {
  contentNamespace: '',
  declarations: new Map(),
  unknownNamespaces: [],
  lang: '',
};
