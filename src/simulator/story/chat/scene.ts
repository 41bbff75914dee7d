/** Objects that the acts share where the gatekeeper speaks the chat channel: the parties, the addresses of the
 *  intermediary, and the two apps. */
import { randomBytes } from 'node:crypto';
import { connectChatApp, type ChatApp } from '../../chat/app.ts';
import { connectChatClient, type ChatClient } from '../../chat/client.ts';
import { honest, mannersOf } from '../../chat/manners.ts';
import type { ChatNode } from '../../chat/node.ts';
import { nodeXml } from '../../chat/xml.ts';
import { createDevice, type Device } from '../../envelope.ts';
import { known, PartyCalls } from '../calls.ts';
import { host, juliet } from '../cast.ts';
import type { Intermediary } from '../scene.ts';
import type { Telling } from '../telling.ts';
import { romeoAddress, romeoName, romeoNumber } from './cast.ts';
import type { ChatStage } from './stage.ts';

export class ChatScene extends PartyCalls {
  readonly stage: ChatStage;
  readonly intermediary: Intermediary;
  readonly telling: Telling;
  readonly devices: Readonly<Record<'juliet' | 'romeo', Device>>;
  readonly #apps: { destroy(): void }[] = [];
  #juliet: ChatClient | undefined;
  #romeo: ChatApp | undefined;

  constructor(stage: ChatStage, intermediary: Intermediary, telling: Telling) {
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
      romeo: createDevice(romeoAddress, 27_183),
    };
  }

  get juliet(): ChatClient {
    return known(this.#juliet, 'Juliet is not connected');
  }

  get romeo(): ChatApp {
    return known(this.#romeo, 'Romeo is not connected');
  }

  /** Juliet's address at the gatekeeper, once she has enlisted. */
  get julietAddress(): string {
    return known(this.stage.gatekeeper.users.bySubject(juliet.identifier), 'Juliet has not enlisted').address;
  }

  /** Logs Juliet's app in through the intermediary.
   *  @throws SimulatorError `ERR_SIMULATOR_AUTHENTICATION` when the token is refused */
  async connectJuliet(token: string): Promise<ChatClient> {
    this.#juliet = await connectChatClient({ endpoint: this.intermediary.endpoint, token, manners: honest });
    this.#apps.push(this.#juliet);
    return this.#juliet;
  }

  /** Logs Romeo's app in to the gatekeeper. It settles a message by an ack alone: its receipts are steps of the story. */
  async connectRomeo(): Promise<ChatApp> {
    this.#romeo = await connectChatApp({
      host,
      port: this.stage.gatekeeper.ports.own,
      number: romeoNumber,
      name: romeoName,
      staticKey: this.stage.gatekeeper.romeoKey,
      manners: mannersOf({ message: 'ack' }),
    });
    this.#apps.push(this.#romeo);
    return this.#romeo;
  }

  /** Position in the gatekeeper's record of nodes. */
  get mark(): number {
    return this.stage.records.gatekeeper.nodes.length;
  }

  /** Returns the first node that the gatekeeper has received from Juliet since a position of its record, as XML;
   *  undefined for none. */
  arrived(since: number, accepts: (node: ChatNode) => boolean): string | undefined {
    const found = this.stage.records.gatekeeper.nodes
      .slice(since)
      .find(({ direction, address, node }) => direction === 'received' && isJuliet(address) && accepts(node));
    return found && nodeXml(found.node);
  }

  /** Returns the last node that the gatekeeper sent to Juliet, as XML.
   *  @throws SimulatorError when there is none */
  sentByGatekeeper(accepts: (node: ChatNode) => boolean): string {
    const sent = this.stage.records.gatekeeper.nodes.findLast(
      ({ direction, address, node }) => direction === 'sent' && isJuliet(address) && accepts(node),
    );
    return nodeXml(known(sent, 'the gatekeeper sent nothing of the kind').node);
  }

  /** Resolves when everything that Juliet's app has sent either has arrived or never will. */
  async settle(): Promise<void> {
    const id = randomBytes(6).toString('hex');
    const attrs = { id, to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' };
    await this.juliet.request({ tag: 'iq', attrs, content: [{ tag: 'ping', attrs: {} }] });
  }

  close(): void {
    for (const app of this.#apps) app.destroy();
  }
}

/** Returns whether an address is that of a third party's user: Juliet is the only one. */
function isJuliet(address: string | undefined): boolean {
  return address?.endsWith('@interop') === true;
}
