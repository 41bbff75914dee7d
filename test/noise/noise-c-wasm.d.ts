/** The part of noise-c.wasm that tests use. */
declare module 'noise-c.wasm' {
  interface CipherState {
    EncryptWithAd(associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
    DecryptWithAd(associated: Uint8Array, ciphertext: Uint8Array): Uint8Array;
    free(): void;
  }
  interface HandshakeState {
    Initialize(
      prologue: Uint8Array | null,
      privateStatic: Uint8Array | null,
      remoteStatic?: Uint8Array | null,
    ): void;
    GetAction(): number;
    FallbackTo(): void;
    WriteMessage(payload: Uint8Array | null): Uint8Array;
    ReadMessage(message: Uint8Array, payloadNeeded: boolean, fallbackSupported?: boolean): Uint8Array;
    GetHandshakeHash(): Uint8Array;
    GetRemotePublicKey(): Uint8Array;
    Split(): [CipherState, CipherState];
  }
  export interface Noise {
    readonly constants: { readonly NOISE_ROLE_INITIATOR: number; readonly NOISE_ROLE_RESPONDER: number };
    readonly HandshakeState: new (protocol: string, role: number) => HandshakeState;
  }
  export default function createNoise(ready: (noise: Noise) => void): void;
}
