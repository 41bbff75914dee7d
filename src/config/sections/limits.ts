/** `limits`: bounds on what a peer can make the proxy hold or do, for all sessions and for those of one gatekeeper. */
import { z } from 'zod';
import { bound } from '../values.ts';

export const limits = z
  .strictObject({
    connectionsMax: bound(10_000, 1, 1_000_000, 'Client connections at once.'),
    connectionsPerAddressMax: bound(
      256,
      0,
      1_000_000,
      'Client connections at once from one address; 0 for no limit.',
    ),
    stanzaBytesMax: bound(
      262_144,
      10_000,
      16_777_216,
      'Bytes of one stanza; RFC 6120 §13.12 asks for 10,000 at least.',
    ),
    preAuthStanzaBytesMax: bound(10_000, 10_000, 262_144, 'Bytes of one stanza before authentication.'),
    preAuthElementsMax: bound(256, 100, 10_000, 'Elements of one stanza before authentication.'),
    tagBytesMax: bound(16_384, 1_024, 262_144, 'Bytes of one start or end tag or of the stream header.'),
    nameBytesMax: bound(1_024, 64, 16_384, 'Bytes of one element or attribute name.'),
    depthMax: bound(128, 8, 1_024, 'Elements nested in each other, the stanza itself counted.'),
    elementsMax: bound(10_000, 100, 1_000_000, 'Elements of one stanza.'),
    attributesMax: bound(128, 16, 4_096, 'Attributes of one tag, namespace declarations included.'),
    namespacesMax: bound(64, 16, 1_024, 'Namespace declarations in scope at once.'),
    normalFormGrowthMax: bound(
      8,
      2,
      1_024,
      'How many times as long as received a stanza may become in normal form.',
    ),
    whitespaceBytesMax: bound(65_536, 1, 262_144, 'Bytes of white space between two stanzas.'),
    stanzasPerSecondMax: bound(
      50,
      0,
      100_000,
      'Stanzas and nonzas per second of one client; over it the client is not read for a while, and after ' +
        '`timeouts.overRateMs` its stream ends. 0 for no limit.',
    ),
    stanzaBurstMax: bound(
      500,
      1,
      1_000_000,
      'Stanzas and nonzas of one client at once, before the rate counts.',
    ),
    bytesPerSecondMax: bound(
      0,
      0,
      1_000_000_000,
      'Bytes per second of one client, ten seconds of them at once; over it as with stanzas. 0 for no limit.',
    ),
    paddingBytesPerSecondMax: bound(
      1_048_576,
      0,
      1_000_000_000,
      'Bytes of padding per second because of what one side of a session sends, ten seconds of them at once; over it ' +
        'that side is not read for a while. 0 for no limit.',
    ),
    resumptionsMax: bound(
      100_000,
      1,
      10_000_000,
      'Streams of all accounts together whose counts are remembered for resumption (XEP-0198), live ones included; the ' +
        'least recently used is forgotten first.',
    ),
    resumptionBytesMax: bound(134_217_728, 1_048_576, 2 ** 40, 'Estimated memory of them in bytes.'),
    refusalsMax: bound(
      10_000,
      1,
      1_000_000,
      'Refused clients of which phase, error code and minute are kept for fifteen minutes, to be looked up by the support ' +
        'code in their error text; the oldest is forgotten first.',
    ),
    awaitedAnswersMax: bound(
      1_024,
      16,
      65_536,
      'Stanzas of one session and direction that were delivered and may still be answered, for ten minutes, and answers that ' +
        'wait, where a policy equalises their time. Above it the oldest is forgotten; its answer is not sent.',
    ),
    unacknowledgedMax: bound(
      1_024,
      16,
      65_536,
      'Stanzas of the chat channel that one client was sent and has not acknowledged. Above it the oldest is forgotten: its ' +
        'acknowledgement does not pass, and the gatekeeper sends the stanza again in the next session.',
    ),
    authenticationAttemptsMax: bound(
      3,
      2,
      5,
      'Attempts to authenticate to the proxy in one session (RFC 6120 §6.4.5), with `channelBinding: reauthenticate`.',
    ),
  })
  .prefault({})
  .describe(
    'Bounds on what a peer can make the proxy hold or do. Reaching one ends the stream with policy-violation.',
  );

const keys = limits.unwrap().shape;

/** The same limit without its default. */
function own(key: 'stanzaBytesMax' | 'tagBytesMax' | 'elementsMax' | SessionRate) {
  return keys[key].unwrap().optional().describe(keys[key].description!);
}

type SessionRate =
  'stanzasPerSecondMax' | 'stanzaBurstMax' | 'bytesPerSecondMax' | 'paddingBytesPerSecondMax';

/** `gatekeepers[].limits`: what bounds an authenticated session. Before that the gatekeeper is not known. */
export const gatekeeperLimits = z
  .strictObject({
    stanzaBytesMax: own('stanzaBytesMax'),
    tagBytesMax: own('tagBytesMax'),
    elementsMax: own('elementsMax'),
    stanzasPerSecondMax: own('stanzasPerSecondMax'),
    stanzaBurstMax: own('stanzaBurstMax'),
    bytesPerSecondMax: own('bytesPerSecondMax'),
    paddingBytesPerSecondMax: own('paddingBytesPerSecondMax'),
  })
  .describe(
    'Limits of authenticated sessions with this gatekeeper, in place of those of the same name under `limits` at the top of ' +
      'the file. One that is not written here is the one there.',
  );
