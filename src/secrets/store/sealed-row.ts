/** A version in force, as it lies in the database. */
export interface SealedRow {
  readonly name: string;
  readonly version: number;
  readonly keyId: string;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}
