/** Why the simulator's client, conversation, certificates or options failed. The gatekeeper itself answers wrong
 *  input by its protocol, and throws only for wrong options. */
export type SimulatorErrorCode =
  /** The options contradict each other or name no user, listener or certificate. */
  | 'ERR_SIMULATOR_OPTIONS'
  /** No TCP or TLS connection to the endpoint. */
  | 'ERR_SIMULATOR_CONNECT'
  /** The peer violated the stream: bytes that are no XML stream, a stream error, or an unexpected end. */
  | 'ERR_SIMULATOR_STREAM'
  /** The server does not offer what the client requires (STARTTLS, SCRAM, resource binding). */
  | 'ERR_SIMULATOR_NEGOTIATION'
  /** The server refused the login, or failed to prove that it has the password. */
  | 'ERR_SIMULATOR_AUTHENTICATION'
  /** An awaited stanza or answer did not come in time. */
  | 'ERR_SIMULATOR_TIMEOUT'
  /** The peer sent something that the script forbids, for example another text than was sent. */
  | 'ERR_SIMULATOR_EXPECTATION';

export class SimulatorError extends Error {
  override readonly name = 'SimulatorError';
  readonly code: SimulatorErrorCode;

  constructor(code: SimulatorErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
