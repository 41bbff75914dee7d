/** Encrypted messages in nodes: the envelope as bytes of an `enc`. */
import { decryptContent, encrypt, type Device, type DeviceAddress } from '../../envelope.ts';
import type { ChatNode } from '../../chat/node.ts';
import { childOf } from '../../chat/requests.ts';
import type { Element } from '../../xml/element.ts';
import { parseElement } from '../../xml/reader.ts';
import { serialise } from '../../xml/write.ts';
import { known } from '../calls.ts';

/** Returns the `enc` of a text with attached elements for one device. */
export function sealed(
  from: Device,
  to: DeviceAddress,
  text: string,
  attrs: ChatNode['attrs'],
  ...attached: readonly Element[]
): ChatNode {
  const content = Buffer.from(serialise(encrypt(from, [to], text, ...attached)));
  return { tag: 'enc', attrs: { v: '2', ...attrs }, content };
}

/** Returns the bytes of a message's `enc`; undefined without one. */
export function sealedBytes(message: ChatNode): Buffer | undefined {
  const content = childOf(message, 'enc')?.content;
  return content instanceof Uint8Array ? Buffer.from(content) : undefined;
}

/** Decrypts a message.
 *  @throws SimulatorError `ERR_SIMULATOR_EXPECTATION` when it is not for this device, or was changed */
export function opened(device: Device, message: ChatNode): readonly Element[] {
  const bytes = known(sealedBytes(message), 'the message has no encrypted part');
  return decryptContent(device, known(parseElement(bytes.toString()), 'the encrypted part is no envelope'));
}
