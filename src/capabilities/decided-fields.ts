/** Fields of the catalogue that a capability profile decides for the gatekeeper, whatever the policy says. */
export const decidedByProfile = [
  'caps.node',
  'caps.hash',
  'disco.identity',
  'disco.features',
  'disco.interests',
  'disco.software-info',
] as const;
