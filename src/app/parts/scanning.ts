/** Objects that read and write stanzas: limits of the configuration, and buffers that scanners share. */
import { defaultChatLimits } from '../../chat/limits.ts';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import type { Names } from '../../stanza/names.ts';
import type { StreamLimits } from '../../stream/limits.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';
import { Rendering } from '../../session/rendering.ts';

export interface Scanning {
  readonly names: Names;
  readonly limits: StreamLimits;
  readonly preAuthenticationLimits: StreamLimits;
  /** The scanners' workspace. One serves all, since a scanner uses it only while it runs. */
  readonly workspace: Workspace;
  readonly rendering: Rendering;
  /** Bytes of the largest stanza of any session. */
  readonly messageBytesMax: number;
}

export function createScanning(config: Pick<Config, 'limits' | 'gatekeepers'>, names: Names): Scanning {
  const section = config.limits;
  const limits = streamLimits(section);
  const widest = widestOf([
    limits,
    ...config.gatekeepers.flatMap((each) => [
      sessionStreamLimits(section, each),
      ...(each.chat === undefined ? [] : [chatStreamLimits(section, each)]),
    ]),
  ]);
  return {
    names,
    limits,
    preAuthenticationLimits: {
      ...limits,
      stanzaBytesMax: section.preAuthStanzaBytesMax,
      elementsMax: section.preAuthElementsMax,
    },
    workspace: new Workspace(new SimdStructure(), widest),
    // Rendering scans a stanza while another scanner is in the middle of one.
    rendering: new Rendering({
      names,
      limits: widest,
      workspace: new Workspace(new SimdStructure(), widest),
    }),
    messageBytesMax: widest.stanzaBytesMax,
  };
}

/** Limits of the streams of an authenticated session with a gatekeeper. */
export function sessionStreamLimits(
  limits: Config['limits'],
  gatekeeper: Pick<GatekeeperConfig, 'limits'>,
): StreamLimits {
  return streamLimits({ ...limits, ...definedOf(gatekeeper.limits) });
}

/** Limits of the XML form of what passes a chat channel: they admit everything within `chat.limits`, and everything that
 *  a client may send. Marks are elements and attributes too. */
export function chatStreamLimits(
  limits: Config['limits'],
  gatekeeper: Pick<GatekeeperConfig, 'limits' | 'chat'>,
): StreamLimits {
  const own = sessionStreamLimits(limits, gatekeeper);
  const chat = { ...defaultChatLimits, ...gatekeeper.chat?.limits };
  return {
    ...own,
    stanzaBytesMax: Math.max(own.stanzaBytesMax, chat.xmlBytesMax),
    tagBytesMax: Math.max(own.tagBytesMax, chat.xmlBytesMax),
    nameBytesMax: Math.max(own.nameBytesMax, chat.nameBytesMax),
    depthMax: Math.max(own.depthMax, chat.depthMax + 1),
    elementsMax: Math.max(own.elementsMax, chat.nodesMax * 4),
    attributesMax: Math.max(own.attributesMax, chat.attributesMax + 4),
  };
}

/** Returns the limits that a gatekeeper has of its own. */
export function definedOf(limits: GatekeeperConfig['limits'] = {}): Partial<Config['limits']> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

/** Returns the largest of each limit. A rendering serves all sessions, and what each has read is within its own limits. */
function widestOf(limits: readonly StreamLimits[]): StreamLimits {
  return limits.reduce((wide, each) => ({
    ...wide,
    stanzaBytesMax: Math.max(wide.stanzaBytesMax, each.stanzaBytesMax),
    tagBytesMax: Math.max(wide.tagBytesMax, each.tagBytesMax),
    elementsMax: Math.max(wide.elementsMax, each.elementsMax),
    nameBytesMax: Math.max(wide.nameBytesMax, each.nameBytesMax),
    depthMax: Math.max(wide.depthMax, each.depthMax),
    attributesMax: Math.max(wide.attributesMax, each.attributesMax),
  }));
}

function streamLimits(limits: Config['limits']): StreamLimits {
  return {
    stanzaBytesMax: limits.stanzaBytesMax,
    tagBytesMax: limits.tagBytesMax,
    nameBytesMax: limits.nameBytesMax,
    depthMax: limits.depthMax,
    elementsMax: limits.elementsMax,
    attributesMax: limits.attributesMax,
    namespacesMax: limits.namespacesMax,
    normalFormGrowthMax: limits.normalFormGrowthMax,
    whitespaceBytesMax: limits.whitespaceBytesMax,
  };
}
