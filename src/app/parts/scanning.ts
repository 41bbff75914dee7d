/** Objects that read and write stanzas: limits of the configuration, and buffers that scanners share. */
import type { Config } from '../../config/schema.ts';
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
}

export function createScanning(section: Config['limits'], names: Names): Scanning {
  const limits = streamLimits(section);
  return {
    names,
    limits,
    preAuthenticationLimits: {
      ...limits,
      stanzaBytesMax: section.preAuthStanzaBytesMax,
      elementsMax: section.preAuthElementsMax,
    },
    workspace: new Workspace(new SimdStructure(), limits),
    // Rendering scans a stanza while another scanner is in the middle of one.
    rendering: new Rendering({ names, limits, workspace: new Workspace(new SimdStructure(), limits) }),
  };
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
