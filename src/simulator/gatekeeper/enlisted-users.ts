/** The users who have opted in. A user keeps the identifier that others see, and gets one of the gatekeeper's own. */
import { randomBytes } from 'node:crypto';

export interface Enlistment {
  /** Identifier in the enlistment API. */
  readonly id: string;
  /** The gatekeeper's internal name for the user; no other party uses it. */
  readonly internalId: string;
}

export class EnlistedUsers {
  /** Enlistments by bare JID. */
  readonly #bySubject = new Map<string, Enlistment>();

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  /** Enlists a user; repeating it returns the same enlistment. */
  enlist(subject: string): { readonly enlistment: Enlistment; readonly isNew: boolean } {
    const known = this.#bySubject.get(subject);
    if (known !== undefined) return { enlistment: known, isNew: false };
    const enlistment = {
      id: `e/${randomBytes(6).toString('hex')}`,
      internalId: `u-${randomBytes(6).toString('hex')}`,
    };
    this.#bySubject.set(subject, enlistment);
    return { enlistment, isNew: true };
  }

  /** Withdraws an enlistment.
   *  @returns whether it existed and was this user's */
  withdraw(id: string, subject: string): boolean {
    if (this.#bySubject.get(subject)?.id !== id) return false;
    return this.#bySubject.delete(subject);
  }
}
