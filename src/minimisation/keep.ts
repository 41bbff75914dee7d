import type { ValueTreatment } from './treatment.ts';

/** The value as it is. */
export const keep: ValueTreatment = (value) => value;
