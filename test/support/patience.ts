/** Settings of a proxy under test that do not end what a busy machine delays. Tests share its processors. */

/** Limits of the time before authentication, in milliseconds. */
export const patientTimeouts = { handshakeMs: 60_000, preAuthMs: 120_000, dialMs: 60_000 };

/** No refusal because the event loop is late. */
export const neverLate = { loopDelayMs: 0 };
