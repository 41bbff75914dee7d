import type { ValueTreatment } from './treatment.ts';

/** Returns the value unchanged. */
export const keep: ValueTreatment = (value) => value;
