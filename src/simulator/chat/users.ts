/** The users of the chat server: those of the gatekeeper's own app, third parties' users who have enlisted, and the
 *  groups that they are in. */
import { SimulatorError } from '../error.ts';
import { deviceAddress, groupServer, interopServer, ownServer } from './address.ts';
import type { ChatNode } from './node.ts';

export interface ChatUser {
  /** Address without a device. */
  readonly address: string;
  /** The second address, without a device (`lid`). */
  readonly alias: string;
  /** The digits that name the user. */
  readonly number: string;
  /** The user-visible identifier that a third party's token names; undefined for a user of the gatekeeper's own app. */
  readonly subject: string | undefined;
  /** Static keys of the handshake by number of the device, 32 bytes each. */
  readonly keys: Map<number, Buffer>;
  /** The name that messages show; undefined before the user has said one. */
  name: string | undefined;
  /** Values of the privacy settings by category. */
  readonly privacy: Map<string, string>;
  /** Addresses without a device. */
  readonly blocked: Set<string>;
  /** Content of the last upload of encryption keys. */
  keyBundle: readonly ChatNode[] | undefined;
  /** Attributes of the push configuration. */
  push: Readonly<Record<string, string>> | undefined;
}

export interface Enlistment {
  /** The user-visible identifier: subject of the ownership tokens. */
  readonly subject: string;
  /** Public half of the static key that each handshake must show, 32 bytes (`authkey`). */
  readonly staticKey: Uint8Array;
}

const firstNumber = 390_100_000_000;
const usersMax = 10_000;
const keyBytes = 32;

export class ChatUsers {
  readonly #integrator: number;
  readonly #byAddress = new Map<string, ChatUser>();
  readonly #byAlias = new Map<string, ChatUser>();
  readonly #bySubject = new Map<string, ChatUser>();
  readonly #groups = new Map<string, readonly ChatUser[]>();
  #nextNumber = firstNumber;

  /** @param integrator number of the third party, 0 to 65,535, in the addresses of its users
   *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` */
  constructor(integrator: number) {
    if (!Number.isInteger(integrator) || integrator < 0 || integrator > 0xffff)
      throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'integrator is no number of two bytes');
    this.#integrator = integrator;
  }

  /** Enlists a third party's user, or replaces the key of one who is enlisted.
   *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` for a key of another length, or when there is no room */
  enlist({ subject, staticKey }: Enlistment): ChatUser {
    const known = this.#bySubject.get(subject);
    if (known !== undefined) {
      known.keys.set(0, checkedKey(staticKey));
      return known;
    }
    const number = String(this.#nextNumber++);
    const address = `${this.#integrator}-${number}@${interopServer}`;
    const user = this.#add(address, number, subject);
    user.keys.set(0, checkedKey(staticKey));
    this.#bySubject.set(subject, user);
    return user;
  }

  /** Ends an enlistment.
   *  @returns whether there was one */
  withdraw(subject: string): boolean {
    const user = this.#bySubject.get(subject);
    if (user === undefined) return false;
    this.#bySubject.delete(subject);
    this.#byAlias.delete(user.alias);
    return this.#byAddress.delete(user.address);
  }

  /** Adds a user of the gatekeeper's own app, or another device of one.
   *  @param number digits
   *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` */
  addOwn(number: string, staticKey: Uint8Array, device = 0): ChatUser {
    const address = `${number}@${ownServer}`;
    const user = this.#byAddress.get(address) ?? this.#add(address, number, undefined);
    user.keys.set(device, checkedKey(staticKey));
    return user;
  }

  /** Makes a group of these users.
   *  @returns its address */
  addGroup(...members: readonly ChatUser[]): string {
    const address = `${this.#nextNumber++}@${groupServer}`;
    this.#groups.set(address, members);
    return address;
  }

  /** Returns the user of an address without a device, which may be that by the alias; undefined for an unknown one. */
  find(address: string): ChatUser | undefined {
    return this.#byAddress.get(address) ?? this.#byAlias.get(address);
  }

  bySubject(subject: string): ChatUser | undefined {
    return this.#bySubject.get(subject);
  }

  members(group: string): readonly ChatUser[] | undefined {
    return this.#groups.get(group);
  }

  #add(address: string, number: string, subject: string | undefined): ChatUser {
    if (this.#byAddress.size >= usersMax)
      throw new SimulatorError('ERR_SIMULATOR_OPTIONS', `there are ${usersMax} users already`);
    const user: ChatUser = {
      address,
      alias: `${number}@lid`,
      number,
      subject,
      keys: new Map(),
      name: undefined,
      privacy: new Map(),
      blocked: new Set(),
      keyBundle: undefined,
      push: undefined,
    };
    this.#byAddress.set(address, user);
    this.#byAlias.set(user.alias, user);
    return user;
  }
}

/** Returns the addresses of a user's devices. */
export function devicesOf({ address, keys }: ChatUser): string[] {
  return [...keys.keys()].map((device) => deviceAddress(address, device));
}

function checkedKey(key: Uint8Array): Buffer {
  if (key.length !== keyBytes)
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', `a static key has ${keyBytes} bytes`);
  return Buffer.from(key);
}
