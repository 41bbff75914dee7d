/** `gatekeepers[].chat`: the settings of a gatekeeper with `protocol: chat-channel` (docs/chat-channel.md). */
import { z } from 'zod';
import { bound, rotatedSecretFiles } from '../values.ts';

const number32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);

const chatLimits = z
  .strictObject({
    frameBytesMax: bound(
      1_048_576,
      16_384,
      2 ** 24 - 1,
      'Bytes of a frame, in both directions. A message to a group lists each device of each member.',
    ),
    inflatedBytesMax: bound(1_048_576, 16_384, 2 ** 24, 'Bytes of a compressed frame when inflated.'),
    xmlBytesMax: bound(2_097_152, 16_384, 2 ** 25, "Bytes of a frame's XML form."),
    nodesMax: bound(10_000, 16, 1_000_000, 'Nodes in one frame.'),
    handshakeBytesMax: bound(16_384, 1_024, 65_535, 'Bytes of a frame of the handshake.'),
    earlyBytesMax: bound(
      65_536,
      0,
      2 ** 24,
      "Bytes in the XML form that the gatekeeper may send before it has accepted the client's login.",
    ),
  })
  .prefault({})
  .describe('What the gatekeeper can make the proxy hold or do, per connection.');

export const chat = z
  .strictObject({
    rootKey: z
      .string()
      .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits in lower case')
      .describe("Curve25519 key of the root of the gatekeeper's certificates, in 64 hexadecimal digits."),
    rootSerial: number32.default(0).describe('Serial number of that root, as intermediates name it.'),
    accountSecretFiles: rotatedSecretFiles.describe(
      'Secrets that the static keys of the accounts are derived from, each made by `openssl rand 32` and closed to other ' +
        'users (0600). The first one is for new enlistments; the second one for accounts that were enlisted under it. ' +
        'A login that is refused with the first is tried with the second. Read again when they change.',
    ),
    integrator: z.int().min(0).max(65_535).describe("The provider's number at the gatekeeper."),
    platform: z.int().min(0).max(255).describe('`userAgent.platform`, equal for all clients.'),
    appVersion: z
      .array(number32)
      .min(1)
      .max(5)
      .describe('`userAgent.appVersion`, the version of the protocol that the proxy states, from major on.'),
    accountNumber: z
      .enum(['omit', 'username', 'account-id'])
      .default('omit')
      .describe(
        'Field that holds the number of the internal identifier. Clients then give the identifier, ' +
          'integrator-number@interop, as the authorization identity. `omit`: the token alone names the account.',
      ),
    enableReadReceipts: z
      .union([z.boolean(), z.literal('by-profile')])
      .optional()
      .describe(
        '`interopData.enableReadReceipts`: the same for all clients, or `by-profile`, true for those whose capability profile ' +
          'receives read receipts; left out when it is not set.',
      ),
    passive: z.boolean().optional().describe('`passive`; left out when it is not set.'),
    pull: z.boolean().optional().describe('`pull`; left out when it is not set.'),
    padToBytes: bound(
      0,
      0,
      4_096,
      "The payload's length is padded to a multiple of this, so that it reveals less of the token's; 0 for no padding.",
    ),
    interopServer: z
      .strictObject({
        read: z
          .enum(['required', 'either'])
          .default('either')
          .describe('`required`: each interop JID names its server; `either`: where it is present.'),
        write: z
          .enum(['omit', 'send'])
          .default('omit')
          .describe('Whether the server is written after an interop JID. Implementations disagree.'),
      })
      .prefault({})
      .describe('The server of interop JIDs in the binary protocol.'),
    limits: chatLimits,
  })
  .describe('Settings of the chat channel. Required with `protocol: chat-channel`, and refused without it.');
