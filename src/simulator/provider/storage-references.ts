/** References to stored files: the provider's server asks the intermediary for one at each upload, so that its client
 *  need not write the address of the file. */
import { SimulatorError } from '../error.ts';
import { header, json, jsonBody, type HttpAnswer, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';

export interface ReferenceSource {
  /** The intermediary's address for requests. */
  readonly url: string;
  /** Name of the gatekeeper that will fetch, as the intermediary has it. */
  readonly gatekeeper: string;
  readonly bearer: string;
  /** Authorities and certificate for the request. */
  readonly caller: Caller;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

/** Adds the reference to the answer to an upload, as `storage_reference` of a JSON body. Any other answer stays as it
 *  is.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT`, `ERR_SIMULATOR_TIMEOUT`; `ERR_SIMULATOR_STREAM` when the intermediary
 *  gives none */
export async function withReference(stored: HttpAnswer, source: ReferenceSource): Promise<HttpAnswer> {
  const address = header(stored, 'location');
  if (stored.status !== 201 || address === undefined) return stored;
  const exchange = await send(
    {
      method: 'POST',
      url: source.url,
      headers: [
        ['Content-Type', 'application/json'],
        ['Authorization', `Bearer ${source.bearer}`],
      ],
      body: json({ gatekeeper: source.gatekeeper, address }),
    },
    source.caller,
  );
  source.onExchange?.(exchange);
  const reference = jsonBody(exchange.answer)?.['reference'];
  if (exchange.answer.status !== 200 || typeof reference !== 'string')
    throw new SimulatorError('ERR_SIMULATOR_STREAM', 'the intermediary gave no reference');
  return {
    ...stored,
    headers: [...stored.headers, ['Content-Type', 'application/json']],
    body: json({ storage_reference: reference }),
  };
}
