import {
  sealedAddressesMax,
  type AddressView,
  type MediaAddresses,
  type RewrittenAddress,
  type SealScope,
} from '../minimisation/media-address.ts';
import { pseudonymCharsMin, type BoundPseudonyms, type Pseudonyms } from '../minimisation/pseudonymise.ts';
import type { PseudonymScope } from '../minimisation/treatment.ts';
import { escapeAttribute, escapedAttribute } from '../stanza/decode.ts';
import { equalAt } from '../stanza/equal-at.ts';
import type { Direction } from '../stanza/direction.ts';
import { sameBare } from '../stanza/jid.ts';
import { otherParty } from '../stanza/other-party.ts';
import { ownBytes, textOf } from '../stanza/own-bytes.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Circumstances } from './condition.ts';

/** The facts of a session that a policy uses. They may change: authentication sets `account`. */
export interface PolicyContext extends Circumstances {
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  /** Bare JID of the session's account; '' until known. */
  readonly account: string;
  /** The resource that the gatekeeper has bound; '' before. */
  readonly resource: string;
  /** The resource that the client was shown. The owner of the context keeps it, because rules can change during a
   *  session. Undefined before the first stanza that has it. */
  shownResource?: string | undefined;
  /** Identifies the session; never sent. */
  readonly session: string;
  /** Start of the session in milliseconds since 1970. Pseudonyms are those of this time for as long as the session
   *  lasts. */
  readonly startedAt: number;
}

/** Values that a pseudonymising rule caches from one stanza to the next: the pseudonyms of its scope, and the last
 *  value, since a resource is the same in every stanza. */
interface Memo {
  /** The rule that it is of. Another table, for other exceptions, may have another rule in the same slot. */
  readonly rule: PseudonymRule;
  readonly scopeValue: string;
  readonly current: BoundPseudonyms;
  /** Pseudonyms of the period before, where they rotate, and of the time when the account was not known. */
  readonly former: readonly BoundPseudonyms[];
  value: string | undefined;
  result: string | undefined;
}

/** The session's own resource and its pseudonym, each as it stands in addresses. */
interface ResourceNames {
  readonly of: string;
  readonly as: string;
  readonly bound: Buffer;
  readonly shown: Buffer;
  readonly boundWritten: Buffer;
  readonly shownWritten: Buffer;
}

/** The session, as the rules of one direction use it for one stanza at a time. */
export class SessionView {
  readonly context: PolicyContext;
  readonly direction: Direction;
  readonly #pseudonyms: Pseudonyms | undefined;
  readonly #media: MediaAddresses | undefined;
  readonly #memos: (Memo | undefined)[] = [];
  /** Addresses that were sealed in this stanza, cached: clients write the same ones in body and attachments. */
  #sealed: Map<string, SealedAddress> | undefined;
  /** The last address of this stanza. */
  #address: SealedAddress | undefined;
  #stanza: Stanza | undefined;
  #peer: string | undefined;
  #names: ResourceNames | undefined;
  #account = '';
  #accountBytes: Uint8Array = new Uint8Array(0);

  constructor(
    context: PolicyContext,
    direction: Direction,
    {
      pseudonyms,
      media,
    }: { readonly pseudonyms: Pseudonyms | undefined; readonly media: MediaAddresses | undefined },
  ) {
    this.context = context;
    this.direction = direction;
    this.#pseudonyms = pseudonyms;
    this.#media = media;
  }

  /** Drops the session's values from what other sessions share. Called when the session has ended. */
  end(): void {
    for (const memo of this.#memos)
      for (const each of memo === undefined ? [] : [memo.current, ...memo.former]) each.forgetRecent();
  }

  enter(stanza: Stanza): void {
    this.#stanza = stanza;
    this.#peer = undefined;
    this.#address = undefined;
    this.#sealed = undefined;
  }

  /** Returns the bare JID of the other party in lower case; '' for the account itself and its server. */
  get peer(): string {
    if (this.#peer !== undefined) return this.#peer;
    this.#peer = this.#stanza === undefined ? '' : otherParty(this.#stanza, this.direction);
    return this.#peer;
  }

  /** Returns whether a bare JID is the session's own account. True for any JID until the account is known. */
  isOwn(bare: string): boolean {
    const { account } = this.context;
    return account === '' || sameBare(bare, account);
  }

  /** Like `isOwn`, for a bare JID in a buffer. Most belong to other accounts, and are not decoded. */
  isOwnAt(bytes: Uint8Array, from: number, to: number): boolean {
    const { account } = this.context;
    if (account === '') return true;
    if (account !== this.#account) {
      this.#account = account;
      this.#accountBytes = ownBytes(account);
    }
    const own = this.#accountBytes;
    for (let at = to - 1, i = own.length - 1; at >= from && i >= 0; at -= 1, i -= 1) {
      // Outside of ASCII, case folding needs the decoded text.
      if (bytes[at]! >= 0x80) return this.isOwn(textOf(bytes.subarray(from, to)));
      if (lower(bytes[at]!) !== lower(own[i]!)) return false;
    }
    return to - from === own.length;
  }

  pseudonymise(slot: number, value: string, rule: PseudonymRule): string | undefined {
    const memo = this.#memo(slot, rule);
    if (memo.value === value) return memo.result;
    memo.result = rule.uuid ? memo.current.pseudonymiseUuid(value) : memo.current.pseudonymise(value);
    memo.value = value;
    return memo.result;
  }

  /** Like `pseudonymise`, for an identifier in a buffer. Pseudonyms need no escaping. */
  pseudonymiseAt(
    slot: number,
    bytes: Buffer,
    from: number,
    to: number,
    rule: PseudonymRule,
  ): Buffer | undefined {
    return this.#memo(slot, rule).current.pseudonymiseAt(bytes, from, to);
  }

  /** Maps a pseudonym of this or the last period back to its value by any of the rules; returns any other value
   *  unchanged.
   *  @param slot slot of the first rule; the others follow it */
  unmask(slot: number, value: string, rules: readonly PseudonymRule[]): string {
    for (let index = 0; index < rules.length; index += 1) {
      const revealed = this.#unmask(slot + index, value, rules[index]!);
      if (revealed !== value) return revealed;
    }
    return value;
  }

  /** Like `unmask`, for an identifier in a buffer.
   *  @returns `null` when it is no pseudonym, which its length usually shows */
  unmaskAt(
    slot: number,
    bytes: Buffer,
    from: number,
    to: number,
    rules: readonly PseudonymRule[],
  ): Buffer | null {
    if (to - from < pseudonymCharsMin) return null;
    for (let index = 0; index < rules.length; index += 1) {
      const { current, former } = this.#memo(slot + index, rules[index]!);
      let value = current.unmaskAt(bytes, from, to);
      for (let i = 0; value === undefined && i < former.length; i += 1)
        value = former[i]!.unmaskAt(bytes, from, to);
      if (value !== undefined) return escapedAttribute(value);
    }
    return null;
  }

  #unmask(slot: number, value: string, rule: PseudonymRule): string {
    const memo = this.#memo(slot, rule);
    if (memo.value === value) return memo.result!;
    let result = memo.current.unmask(value);
    for (const former of memo.former) result ??= former.unmask(value);
    memo.result = result ?? value;
    memo.value = value;
    return memo.result;
  }

  #memo(slot: number, rule: PseudonymRule): Memo {
    const scope = this.#knownScope(rule.scope);
    const scopeValue = this.#scopeValue(scope);
    const known = this.#memos[slot];
    if (known?.rule === rule && known.scopeValue === scopeValue) return known;
    const { field, rotateMs } = rule;
    const period = rotateMs === undefined ? 0 : Math.floor(this.context.startedAt / rotateMs);
    const pseudonyms = this.#pseudonyms!;
    const former: BoundPseudonyms[] = [];
    if (rotateMs !== undefined) former.push(pseudonyms.of({ field, scope, scopeValue, period: period - 1 }));
    if (needsAccount(scope))
      former.push(pseudonyms.of({ field, scope: 'session', scopeValue: this.context.session, period }));
    const current = pseudonyms.of({ field, scope, scopeValue, period });
    return (this.#memos[slot] = { rule, scopeValue, current, former, value: undefined, result: undefined });
  }

  /** Returns the scope to use: `session` in place of `account` until the account is known. */
  #knownScope(scope: PseudonymScope): PseudonymScope {
    return needsAccount(scope) && this.context.account === '' ? 'session' : scope;
  }

  /** Opens a sealed address, or seals one, as the rule says. Without media servers the address stays. */
  rewriteAddress(address: string, rule: AddressRule): RewrittenAddress {
    const last = this.#address;
    if (last?.address === address && last.rule === rule) return last.seen;
    const known = this.#sealed?.get(address);
    if (known?.rule === rule) return known.seen;
    const seen = this.#rewrite(address, rule);
    this.#address = { address, rule, seen };
    if (seen.kind === 'sealed') (this.#sealed ??= new Map()).set(address, this.#address);
    return seen;
  }

  #rewrite(address: string, { seal, open }: AddressRule): RewrittenAddress {
    if (this.#media === undefined) return { kind: 'as-is' };
    const [receiver, sender] =
      this.direction === 'to-gatekeeper'
        ? (['gatekeeper', 'client'] as const)
        : (['client', 'gatekeeper'] as const);
    const url = URL.parse(address);
    const revealed = open ? this.#media.open(url, this.#view(sender)) : undefined;
    if (seal === undefined) return revealed ?? { kind: 'as-is' };
    const opened = revealed?.kind === 'opened' ? URL.parse(revealed.address) : url;
    const seen = this.#media.seal(opened, this.#view(receiver), this.#sealScope(seal));
    return seen.kind === 'as-is' && revealed !== undefined ? revealed : seen;
  }

  /** Returns the scope for sealing one more address; undefined at the limit for a stanza of this size. */
  #sealScope({ scope: wanted, rotateMs }: Pick<PseudonymRule, 'scope' | 'rotateMs'>): SealScope | undefined {
    if (this.#sealed?.size === sealedAddressesMax(this.#stanza?.byteLength ?? 0)) return undefined;
    const scope = this.#knownScope(wanted);
    return { context: `${scope} ${this.#scopeValue(scope)}`, periodMs: rotateMs };
  }

  #view(audience: AddressView['audience']): AddressView {
    return { audience, gatekeeper: this.context.gatekeeper };
  }

  /** Maps a resource of the user's own to the one that the gatekeeper has. Only this session's resource has an
   *  alias. Those of the user's other devices came from the gatekeeper, pseudonymised or not, and stay. */
  toGatekeeperResource(slot: number, resource: string, rules: readonly PseudonymRule[]): string {
    const { resource: bound } = this.context;
    return bound !== '' && resource === this.#shown(slot, bound, rules) ? bound : resource;
  }

  /** Returns whether the session has a resource. */
  get isBound(): boolean {
    return this.context.resource !== '';
  }

  /** Maps this session's resource to the one that the client has asked for; returns any other unchanged. */
  toClientResource(slot: number, resource: string, rules: readonly PseudonymRule[]): string {
    const { resource: bound } = this.context;
    if (bound === '') return this.unmask(slot, resource, rules);
    return resource === bound ? this.#shown(slot, bound, rules) : resource;
  }

  #shown(slot: number, bound: string, rules: readonly PseudonymRule[]): string {
    return (this.context.shownResource ??= this.unmask(slot, bound, rules));
  }

  /** Like `toGatekeeperResource`, for a resource in a buffer.
   *  @returns `null` for any other resource */
  toGatekeeperResourceAt(
    slot: number,
    bytes: Buffer,
    from: number,
    to: number,
    rules: readonly PseudonymRule[],
  ): Buffer | null {
    const names = this.#namesOf(slot, rules);
    return names !== undefined && isAt(names.shown, bytes, from, to) ? names.boundWritten : null;
  }

  toClientResourceAt(
    slot: number,
    bytes: Buffer,
    from: number,
    to: number,
    rules: readonly PseudonymRule[],
  ): Buffer | null {
    const names = this.#namesOf(slot, rules);
    if (names === undefined) return this.unmaskAt(slot, bytes, from, to, rules);
    return isAt(names.bound, bytes, from, to) ? names.shownWritten : null;
  }

  /** Returns the own resource and its pseudonym, cached because nearly every stanza has it. Undefined before it is
   *  bound. */
  #namesOf(slot: number, rules: readonly PseudonymRule[]): ResourceNames | undefined {
    const { resource: bound } = this.context;
    if (bound === '') return undefined;
    const shown = this.#shown(slot, bound, rules);
    const known = this.#names;
    if (known?.of === bound && known.as === shown) return known;
    return (this.#names = {
      of: bound,
      as: shown,
      bound: ownBytes(bound),
      shown: ownBytes(shown),
      boundWritten: ownBytes(escapeAttribute(bound)),
      shownWritten: ownBytes(escapeAttribute(shown)),
    });
  }

  #scopeValue(scope: PseudonymScope): string {
    const { session, account, gatekeeper } = this.context;
    if (scope === 'session') return session;
    if (scope === 'gatekeeper') return gatekeeper;
    return scope === 'account' ? account : `${account} ${this.peer}`;
  }
}

/** An address and the result of the rule that was applied to it. */
interface SealedAddress {
  readonly address: string;
  readonly rule: AddressRule;
  readonly seen: RewrittenAddress;
}

/** The treatment of media addresses in one direction. */
export interface AddressRule {
  /** Scope under which addresses are sealed that the receiver may not see; undefined to seal none. */
  readonly seal: Pick<PseudonymRule, 'scope' | 'rotateMs'> | undefined;
  /** Whether addresses are opened that were sealed for the sender. */
  readonly open: boolean;
}

/** A compiled rule that pseudonymises. */
export interface PseudonymRule {
  readonly field: string;
  readonly scope: PseudonymScope;
  readonly rotateMs: number | undefined;
  readonly uuid: boolean;
}

function needsAccount(scope: PseudonymScope): boolean {
  return scope === 'account' || scope === 'conversation';
}

function isAt(value: Buffer, bytes: Buffer, from: number, to: number): boolean {
  return value.length === to - from && equalAt(bytes, from, value);
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
