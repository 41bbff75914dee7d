/** The stage of reauthentication, with the provider's verifier of ownership tokens. */
import type { Config } from '../../config/schema.ts';
import type { OwnershipVerifier } from '../../http/tokens/ownership-proof.ts';
import { HttpProblem } from '../../http/problem.ts';
import { isTokenErrorCode } from '../../errors/token.ts';
import type { VerifyOwnership } from '../../session/authentication/ownership.ts';
import {
  reauthentication,
  type ReauthenticationOptions,
} from '../../session/authentication/reauthentication.ts';
import type { StageFactory } from '../../session/stage.ts';

/** Returns the stage where a gatekeeper requires it. The configuration was checked to have a provider then. */
export function reauthenticationStages(
  { gatekeepers, limits }: Config,
  ownership: OwnershipVerifier | undefined,
  report: Pick<ReauthenticationOptions, 'concluded' | 'supportCode'>,
): readonly StageFactory[] {
  const wanted = gatekeepers.some(({ channelBinding }) => channelBinding === 'reauthenticate');
  if (!wanted || ownership === undefined) return [];
  const verify = verifyOwnership(ownership);
  return [reauthentication({ verify, attemptsMax: limits.authenticationAttemptsMax, ...report })];
}

/** Returns a verifier without a nonce: a stream has no place for one, so the token may have any or none. */
function verifyOwnership(ownership: OwnershipVerifier): VerifyOwnership {
  return async (token) => {
    try {
      const { subject, claims } = await ownership.verify(token.reveal());
      return { kind: 'owned', subject, claims };
    } catch (error) {
      if (error instanceof HttpProblem && isTokenErrorCode(error.code))
        return { kind: 'refused', code: error.code };
      return { kind: 'unavailable' };
    }
  };
}
