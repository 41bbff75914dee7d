/** `signals`, `proxyProtocol` of ports, `gatekeepers[].attestation`: what is captured of a client's
 *  connection, and which gatekeepers receive it. */
import { z } from 'zod';
import { parseTrustedNetworks } from '../../signals/cidr.ts';
import { rotatedSecretFiles } from '../values.ts';

/** Names of parties as attestations have them: printable, without white space. */
const party = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'printable ASCII without spaces, at most 255 characters');

const network = z
  .string()
  .refine(
    (text) => parseTrustedNetworks([text]).kind === 'networks',
    'a network such as 10.0.0.0/8 or 2001:db8::/32, with no bits set after its prefix',
  );

/** A type of PROXY protocol v2 fields that no standard assigns (proxy-protocol.txt §2.2.8). */
const customType = z.int().min(0xe0).max(0xef);

export const proxyProtocol = z
  .strictObject({
    trusted: z
      .array(network)
      .min(1)
      .max(1_000)
      .describe(
        'Networks of the load balancers. Their connections must begin with a PROXY protocol header, version 1 or 2, ' +
          'whose addresses count; from all others no header is accepted.',
      ),
    ja4Type: customType
      .default(0xe2)
      .describe('Field (TLV) of a version 2 header with the JA4 that the load balancer saw. 224 to 239.'),
    p0fType: customType
      .default(0xe3)
      .describe(
        'Field (TLV) of a version 2 header with the p0f signature that the load balancer saw. 224 to 239.',
      ),
    authentication: z
      .strictObject({
        keyFiles: rotatedSecretFiles.describe(
          'Secrets that the load balancers share with the proxy, each made by `openssl rand 32` and closed to other ' +
            'users (0600); two while one replaces the other. Read again when they change.',
        ),
        hmacType: customType.default(0xed).describe('Field (TLV) with the HMAC. 224 to 239.'),
      })
      .optional()
      .describe(
        'Fields (TLVs) count only before an HMAC-SHA-256 of the header (docs/behind-a-balancer.md). All others are ignored ' +
          'and counted; a header with a wrong HMAC is refused. Without this section all fields count.',
      ),
  })
  .describe('Load balancers in front of this port.');

const seen = (description: string) => z.boolean().default(true).describe(description);

export const signals = z
  .strictObject({
    issuer: party.describe(
      'The proxy as gatekeepers know it: `iss` of every attestation, such as proxy.example.',
    ),
    keysFolder: z
      .string()
      .min(1)
      .max(4_096)
      .describe(
        'Folder with the keys that attestations are signed with: Ed25519 in PEM form, one file each, named after its key ' +
          'id (spring.pem, or summer@20260601T000000Z.pem for a key not used before). Read again when it changes.',
      ),
    capture: z
      .strictObject({
        syn: seen('Keep the packet that opened each connection, for its TCP fingerprint (Linux only).'),
        clientHello: seen('Read the ClientHello before TLS does, for its fingerprint.'),
        roundTrip: seen('Measure the round trips of TCP and TLS.'),
      })
      .prefault({})
      .describe('What to look at. What is off is stated as disabled.'),
  })
  .describe(
    'Connection signals (docs/connection-signals.md). Without this section nothing is captured and nothing attested.',
  );

const noOptions = z.strictObject({}).optional();

export const attestation = z
  .strictObject({
    audience: party.describe('The gatekeeper as attestations name it: `aud`.'),
    carriers: z
      .strictObject({
        stream: noOptions.describe('A nonza in the stream, when the gatekeeper advertises it.'),
        proxyProtocol: z
          .strictObject({
            profile: z
              .enum(['none', 'standard', 'full'])
              .default('standard')
              .describe(
                '`none`: the addresses only, for gatekeepers that read no more; `standard`: checksum and attestation, too; ' +
                  '`full`: also server name, protocol and TLS version. All but `none` need `clientCertFile`, or the chat channel.',
              ),
            headerBytesMax: z
              .int()
              .min(52)
              .max(4_096)
              .default(536)
              .describe('Bytes of the header that the gatekeeper reads. 52 to 4096.'),
            attestationType: customType
              .default(0xec)
              .describe(
                'Field (TLV) that holds the attestation; the gatekeeper must look for the same one. 224 to 239.',
              ),
          })
          .optional()
          .describe('A PROXY protocol version 2 header before TLS. The gatekeeper must expect it.'),
        http: noOptions.describe('A header field on requests to the gatekeeper’s own HTTP interface.'),
      })
      .refine(
        (carriers) => Object.keys(carriers).length > 0,
        'at least one of stream, proxyProtocol and http',
      )
      .describe('How attestations reach the gatekeeper; several at once.'),
    required: z
      .boolean()
      .default(false)
      .describe('Without an attestation there is no session: it is closed, and both sides receive an error.'),
  })
  .describe('Signed statements about the connections of clients, for the gatekeeper. Needs `signals`.');
