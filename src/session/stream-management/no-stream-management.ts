import { forward } from '../../stanza/verdict.ts';
import type { StreamManagement } from './stream-management.ts';

/** What the relay uses of stream management. */
export type StreamCounts = Pick<
  StreamManagement,
  'window' | 'pass' | 'inject' | 'lookUp' | 'judge' | 'forgetRequests' | 'resumable' | 'forget' | 'end'
>;

/** For protocols that acknowledge single stanzas: counts nothing, and no stream can be resumed. */
export const noStreamManagement: StreamCounts = {
  window: () => undefined,
  pass: () => {},
  inject: () => {},
  lookUp: () => undefined,
  judge: () => forward,
  forgetRequests: () => {},
  resumable: false,
  forget: () => {},
  end: () => Promise.resolve(false),
};
