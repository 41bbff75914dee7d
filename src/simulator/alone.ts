/** A gatekeeper with the chat channel that runs alone, for a provider's own proxy and clients: the chat server, the HTTP
 *  services in the published shapes, and Romeo, a user of the gatekeeper's app who answers (chat/robot.ts). */
import { createDevelopmentAuthority } from './certificates.ts';
import { connectChatApp } from './chat/app.ts';
import { createChatGatekeeper, type ChatGatekeeper } from './chat/gatekeeper.ts';
import { newServerKey } from './chat/noise.ts';
import type { ChatGatekeeperOptions } from './chat/options.ts';
import { robotManners, type RobotHabits } from './chat/robot.ts';
import { ChatUsers } from './chat/users.ts';
import {
  startPublishedServices,
  type PublishedServices,
  type PublishedServicesOptions,
} from './gatekeeper/published-services.ts';

export interface GatekeeperAloneOptions extends Pick<
  PublishedServicesOptions,
  'name' | 'provider' | 'intermediary' | 'pushIssuer' | 'refusal' | 'onForm' | 'onExchange' | 'keysEveryMs'
> {
  /** An address of this machine. */
  readonly host: string;
  /** Ports; 0 takes a free one. */
  readonly chatPort: number;
  readonly httpPort: number;
  readonly integrator: number;
  /** Field of the form with the version of the protocol. */
  readonly versionField: string;
  /** PEM of the authorities to trust at the integrator's address; those of the simulator by default. */
  readonly ca?: string;
  /** Users of third parties. Default: none yet. */
  readonly users?: ChatUsers;
  readonly habits?: RobotHabits;
  readonly chat?: Partial<ChatGatekeeperOptions>;
}

export interface GatekeeperAlone {
  readonly services: PublishedServices;
  readonly chat: ChatGatekeeper;
  readonly chatPort: number;
  /** Address of the user who answers. */
  readonly romeo: string;
  /** PEM of the authority of the HTTPS port. */
  readonly authority: string;
  close(): Promise<void>;
}

const romeoNumber = '390100000099';

/** Starts the gatekeeper.
 *  @throws SimulatorError */
export async function startGatekeeperAlone(options: GatekeeperAloneOptions): Promise<GatekeeperAlone> {
  const { host, chatPort, httpPort, integrator, versionField, habits } = options;
  const { users = new ChatUsers(integrator) } = options;
  const authority = createDevelopmentAuthority();
  const services = await startPublishedServices({
    ...options,
    users,
    port: httpPort,
    version: { field: versionField },
    certificate: authority.issue([host]),
    caller: { ca: options.ca ?? authority.certificate },
  });
  const chat = createChatGatekeeper({
    users,
    ownership: services.ownership,
    listeners: [{ host, port: chatPort, proxyProtocol: 'optional' }],
    ...options.chat,
  });
  try {
    const [bound] = await chat.start();
    const staticKey = newServerKey();
    const { address } = users.addOwn(romeoNumber, staticKey.publicKey);
    const manners = robotManners(habits);
    const romeo = await connectChatApp({ host, port: bound!.port, number: romeoNumber, staticKey, manners });
    romeo.send({ tag: 'presence', attrs: { type: 'available', name: 'Romeo' } });
    return {
      services,
      chat,
      chatPort: bound!.port,
      romeo: address,
      authority: authority.certificate,
      async close() {
        romeo.destroy();
        await Promise.all([chat.close(), services.close()]);
      },
    };
  } catch (error) {
    await Promise.all([chat.close(), services.close()]);
    throw error;
  }
}
