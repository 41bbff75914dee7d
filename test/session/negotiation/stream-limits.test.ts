/** The client is shown limits that neither the proxy nor the gatekeeper would end its stream for (XEP-0478). */
import { describe, expect, it } from 'vitest';
import { streamLimitsStage } from '../../../src/session/negotiation/stream-limits.ts';
import type { Phase } from '../../../src/session/phase.ts';
import { Legs } from '../legs.ts';

const own = { preAuthStanzaBytesMax: 10_000, stanzaBytesMax: 262_144, idleMs: 600_000 };
const features = (content: string): string =>
  `<features xmlns='http://etherx.jabber.org/streams'>${content}</features>`;
const limits = (content: string): string =>
  features(`<limits xmlns='urn:xmpp:stream-limits:0'>${content}</limits>`);

function shown(given: string, phase: Phase = 'established', mine = own): string {
  const legs = new Legs({ stages: [streamLimitsStage(() => mine)], phase });
  legs.read('to-client', given);
  return legs.out['to-client'].join('');
}

describe('announced limits of a stream', () => {
  it.each([
    ['above ours', '<max-bytes>524288</max-bytes><idle-seconds>1800</idle-seconds>', 262_144, 600],
    ['below ours', '<max-bytes>65536</max-bytes><idle-seconds>300</idle-seconds>', 65_536, 300],
    ['of which one is below', '<max-bytes>65536</max-bytes><idle-seconds>1800</idle-seconds>', 65_536, 600],
    ['that are no numbers', '<max-bytes>many</max-bytes><idle-seconds>-1</idle-seconds>', 262_144, 600],
    ['with white space', '<max-bytes> 524288 </max-bytes><idle-seconds/>', 262_144, 600],
  ])('%s', (_, given, bytes, seconds) => {
    expect(shown(limits(given))).toBe(
      limits(`<max-bytes>${bytes}</max-bytes><idle-seconds>${seconds}</idle-seconds>`),
    );
  });

  it('get what is missing', () => {
    expect(shown(limits('<idle-seconds>300</idle-seconds>'))).toBe(
      limits(
        "<idle-seconds>300</idle-seconds><max-bytes xmlns='urn:xmpp:stream-limits:0'>262144</max-bytes>",
      ),
    );
    expect(shown(features("<limits xmlns='urn:xmpp:stream-limits:0'/>"))).toContain('>262144<');
  });

  it('are those of a stream before authentication while it lasts', () => {
    expect(shown(limits('<max-bytes>262144</max-bytes><idle-seconds>60</idle-seconds>'), 'authenticating')).toBe(
      limits('<max-bytes>10000</max-bytes><idle-seconds>60</idle-seconds>'),
    );
  }); // prettier-ignore

  it('leave idle-seconds as it is where the proxy has no limit', () => {
    const patient = { ...own, idleMs: 0 };
    expect(shown(limits('<max-bytes>1000</max-bytes>'), 'established', patient)).toBe(
      limits('<max-bytes>1000</max-bytes>'),
    );
    const theirs = limits('<max-bytes>1000</max-bytes><idle-seconds>86400</idle-seconds>');
    expect(shown(theirs, 'established', patient)).toBe(theirs);
  });

  it('are not announced where the gatekeeper announces none', () => {
    const without = features("<sm xmlns='urn:xmpp:sm:3'/>");
    expect(shown(without)).toBe(without);
  });
});
