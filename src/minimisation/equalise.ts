/** When an answer that a client gives by itself may leave, so that its time does not reveal the device: a fixed time after
 *  what it answers was delivered to the client. How long the device took is seen only where it took longer. */

/** For an answer to something that was not delivered on this connection, in milliseconds from its beginning. */
export const coarseTickMs = 60_000;

/** @param deliveredAt when what is answered was delivered; all times are monotonic milliseconds
 *  @param afterMs above 0
 *  @returns `deliveredAt + afterMs`, or the next multiple of `afterMs` that is not before `now` */
export function equalisedTime(deliveredAt: number, afterMs: number, now: number): number {
  return deliveredAt + Math.max(1, Math.ceil((now - deliveredAt) / afterMs)) * afterMs;
}
