/** The time at which an automatic answer of a client may leave, so that it does not reveal the device: a fixed time
 *  after the stanza that it answers was delivered to the client. A slower device still shows that it is slower. */

/** Grid in milliseconds from the start of the connection, for an answer to a stanza that was not delivered on it. */
export const coarseTickMs = 60_000;

/** Returns `deliveredAt + afterMs`, or the next multiple of `afterMs` that is not before `now`.
 *  @param deliveredAt delivery of the answered stanza; all times are monotonic milliseconds
 *  @param afterMs above 0 */
export function equalisedTime(deliveredAt: number, afterMs: number, now: number): number {
  return deliveredAt + Math.max(1, Math.ceil((now - deliveredAt) / afterMs)) * afterMs;
}
