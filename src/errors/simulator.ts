/** Errors that end the simulator. */
import type { ErrorRow } from './row.ts';

export const simulatorErrors = {
  ERR_SIMULATOR_OPTIONS: {
    cause: 'The options of the simulator contradict each other.',
    remedy: 'Correct the call; the message names the option.',
  },
  ERR_SIMULATOR_CONNECT: {
    cause: 'No TCP or TLS connection came about, or a port of the simulator could not be opened.',
    remedy: 'Check that the port is free and the other side is up.',
  },
  ERR_SIMULATOR_STREAM: { cause: 'The peer broke the stream.', remedy: 'Look into the log of the peer.' },
  ERR_SIMULATOR_NEGOTIATION: {
    cause: 'The server does not offer what the client insists on: STARTTLS, SCRAM, resource binding.',
    remedy: 'Check the configuration of the server.',
  },
  ERR_SIMULATOR_AUTHENTICATION: {
    cause: 'The server refused the login, or did not prove that it knows the password.',
    remedy: 'Check user and password at the server.',
  },
  ERR_SIMULATOR_TIMEOUT: {
    cause: 'What was awaited did not come in time.',
    remedy: 'Look into the log of the peer.',
  },
  ERR_SIMULATOR_EXPECTATION: {
    cause: 'Something came that the script forbids, for example another text than was sent.',
    remedy: 'The proxy or the server changed a stanza; compare what was sent with what was received.',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
