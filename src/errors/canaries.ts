/** Errors of canary runs. */
import type { ErrorRow } from './row.ts';

export const canaryErrors = {
  ERR_CANARY_LEAK: {
    cause: 'A value that was sent through the proxy is in a place where it must not be.',
    remedy:
      'The report names field, direction, place and form. Compare with `narthex policy explain`; where the policy hides the field, it is a defect of the proxy: report it.',
    exit: 'negative',
  },
  ERR_CANARY_PROXY: {
    cause: 'The proxy that the values are sent through does not start, or ends before all were sent.',
    remedy: 'The message has what it printed, or how it ended.',
    exit: 'unavailable',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
