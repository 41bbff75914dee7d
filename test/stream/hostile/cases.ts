import { bytesCases } from './bytes.ts';
import type { HostileCase } from './case.ts';
import { limitsCases } from './limits.ts';
import { markupCases } from './markup.ts';
import { prologCases } from './prolog.ts';
import { tagsCases } from './tags.ts';

/** Every hostile case: what peers have tried, or might, against XML parsers and what uses them. */
export const hostileCases: readonly HostileCase[] = [
  ...bytesCases,
  ...prologCases,
  ...markupCases,
  ...tagsCases,
  ...limitsCases,
];
