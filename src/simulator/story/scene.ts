/** Objects that the acts share: the parties, the addresses of the intermediary, the two apps, and values that one
 *  step keeps for a later one. */
import { randomBytes } from 'node:crypto';
import { ns } from '../../stanza/namespaces.ts';
import { answerRequest } from '../caps.ts';
import { connectClient, type Client, type Endpoint } from '../client.ts';
import { createDevice, type Device } from '../envelope.ts';
import { attribute, element, is, type Element } from '../xml/element.ts';
import { parseElement } from '../xml/reader.ts';
import { known, PartyCalls } from './calls.ts';
import { juliet, romeo } from './cast.ts';
import { ownConnections } from './records.ts';
import type { Stage } from './stage.ts';
import type { Telling } from './telling.ts';

/** Addresses of the intermediary. */
export interface Intermediary {
  /** Its port for XMPP clients. */
  readonly endpoint: Endpoint;
  /** Its public HTTPS port, without a slash at the end. */
  readonly url: string;
  /** Its name for the gatekeeper. */
  readonly gatekeeper: string;
  /** Whether clients download the gatekeeper's media through it, as its policy says for `content.media-url`. */
  readonly fetchesForClients: boolean;
}

/** One text that Juliet's app wrote to or read from its stream. */
interface WireRecord {
  readonly direction: 'sent' | 'received';
  readonly xml: string;
}

export class Scene extends PartyCalls {
  readonly stage: Stage;
  readonly intermediary: Intermediary;
  readonly telling: Telling;
  readonly devices: Readonly<Record<'juliet' | 'romeo', Device>>;
  /** The texts of all connections of Juliet's app. */
  readonly wire: WireRecord[] = [];
  readonly #clients: Client[] = [];
  #juliet: Client | undefined;
  #romeo: Client | undefined;

  constructor(stage: Stage, intermediary: Intermediary, telling: Telling) {
    super({
      ca: stage.authority.certificate,
      provider: stage.provider.url,
      intermediary: intermediary.url,
      gatekeeper: stage.gatekeeper.services.url,
    });
    this.stage = stage;
    this.intermediary = intermediary;
    this.telling = telling;
    this.devices = {
      juliet: createDevice(juliet.identifier, 31_415),
      romeo: createDevice(romeo.identifier, 27_183),
    };
  }

  get juliet(): Client {
    return known(this.#juliet, 'Juliet is not connected');
  }

  get romeo(): Client {
    return known(this.#romeo, 'Romeo is not connected');
  }

  /** Logs Juliet's app in through the intermediary.
   *  @throws SimulatorError `ERR_SIMULATOR_AUTHENTICATION` when the gatekeeper refuses the token */
  async connectJuliet(token: string): Promise<Client> {
    this.#juliet = await this.#connect(this.intermediary.endpoint, {
      username: juliet.username,
      token,
      resource: juliet.resource,
      onRequest: (iq) => answerRequest(juliet.software, iq),
      onXml: (direction, xml) => void this.wire.push({ direction, xml }),
    });
    return this.#juliet;
  }

  async connectRomeo(): Promise<Client> {
    const { username, password, resource } = romeo;
    this.#romeo = await this.#connect(this.stage.gatekeeper.endpoint, {
      username,
      password,
      resource,
      onRequest: (iq) => answerRequest(romeo.software, iq),
    });
    return this.#romeo;
  }

  async #connect(
    endpoint: Endpoint,
    options: Omit<Parameters<typeof connectClient>[0], 'endpoint'>,
  ): Promise<Client> {
    const client = await connectClient({ endpoint, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Returns what the gatekeeper has received on the intermediary's connections since a position of its record;
   *  undefined for nothing. */
  arrived(since: number, accepts: (source: Element) => boolean): string | undefined {
    const { stream } = this.stage.records.gatekeeper;
    const own = ownConnections(this.stage.records.gatekeeper);
    return stream
      .slice(since)
      .filter(({ direction, connectionId }) => direction === 'received' && !own.has(connectionId))
      .find(({ xml }) => matches(xml, accepts))?.xml;
  }

  /** Returns the last element that the gatekeeper sent to the intermediary.
   *  @throws SimulatorError when there is none */
  sentByGatekeeper(accepts: (source: Element) => boolean): string {
    const own = ownConnections(this.stage.records.gatekeeper);
    const sent = this.stage.records.gatekeeper.stream.findLast(
      ({ direction, connectionId, xml }) =>
        direction === 'sent' && !own.has(connectionId) && matches(xml, accepts),
    );
    return known(sent, 'the gatekeeper sent nothing of the kind').xml;
  }

  get mark(): number {
    return this.stage.records.gatekeeper.stream.length;
  }

  /** Resolves when everything that Juliet's app has sent either has arrived or never will. */
  async settle(): Promise<void> {
    const id = randomBytes(6).toString('hex');
    const { domain } = this.intermediary.endpoint;
    this.juliet.send(element(ns.client, 'iq', { type: 'get', id, to: domain }, element(ns.ping, 'ping')));
    await this.juliet.receive((one) => is(one, ns.client, 'iq') && attribute(one, 'id') === id);
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }
}

/** Returns whether the text is an element that `accepts` selects. */
export function matches(xml: string, accepts: (source: Element) => boolean): boolean {
  const parsed = xml.startsWith('<?') || xml.startsWith('</') ? undefined : parseElement(xml);
  return parsed !== undefined && accepts(parsed);
}
