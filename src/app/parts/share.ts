/** Which of several policies is for an account: the same on every replica and in every session, and not to be foreseen without
 *  the key. */
import { createHmac, type KeyObject } from 'node:crypto';
import { prepareBare } from '../../stanza/jid.ts';

export interface ShareOwner {
  /** The operator's name: an account at another gatekeeper is another one. */
  readonly gatekeeper: string;
  /** Bare JID. */
  readonly account: string;
}

/** Hash bytes that are read as a number. */
const hashBytes = 6;

/** Returns the number of the share that an account is in, counted from 1, or 0 for none of them. A share that grows keeps its
 *  accounts, as long as those before it stay as they are.
 *  @param percents of each share, at most 100 together */
export function shareOf(
  key: KeyObject,
  { gatekeeper, account }: ShareOwner,
  percents: readonly number[],
): number {
  const hash = createHmac('sha256', key)
    .update(`share\0${gatekeeper}\0${prepareBare(account)}`)
    .digest();
  const place = (hash.readUIntBE(0, hashBytes) / 2 ** (8 * hashBytes)) * 100;
  let end = 0;
  for (const [index, percent] of percents.entries()) {
    end += percent;
    if (place < end) return index + 1;
  }
  return 0;
}
