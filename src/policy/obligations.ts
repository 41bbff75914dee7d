/** A gatekeeper's published rules for intermediaries, as data. */
import type { Audience } from '../stanza/direction.ts';
import { obligationsSchema } from './catalogue-schema.ts';
import type { TextFile } from './catalogue.ts';
import { readDocument } from './document.ts';
import type { Loaded } from './policy.ts';
import type { ProtocolName } from './protocols.ts';
import { shape } from './shape.ts';

/** One published rule about fields. */
export interface Obligation {
  readonly id: string;
  readonly set: string;
  readonly text: string;
  readonly audience: Audience;
  readonly requires: readonly string[];
  readonly forbids: readonly string[];
  /** Fields that a required feature needs. */
  readonly expects: readonly string[];
  /** The protocol of the gatekeepers whose rule it is; undefined for all. */
  readonly protocol: ProtocolName | undefined;
}

/** Reads an obligations file. Rules that name no field are for readers only. */
export function loadObligations({ file, text }: TextFile): Loaded<readonly Obligation[]> {
  const shaped = shape(readDocument(file, text), obligationsSchema);
  if (shaped.kind === 'differs') return { kind: 'refused', diagnostics: shaped.diagnostics };
  const { metadata, rules } = shaped.value;
  const { name: set, protocol } = metadata;
  const value = rules.flatMap(({ id, text: rule, audience, requires = [], forbids = [], expects = [] }) =>
    audience === undefined ? [] : [{ id, set, protocol, text: rule, audience, requires, forbids, expects }],
  );
  return { kind: 'loaded', value };
}
