/**
 * Parts of a pseudo-random permutation of 0 … n-1, each made without the rest.
 *
 * The permutation is a Feistel network over mixed radices (Black and Rogaway, "Ciphers with arbitrary finite domains",
 * CT-RSA 2002): an index is written as (high, low) with low < 2^m and high < ceil(n / 2^m), and in each round a random
 * function of one half changes the other: high by an addition modulo its radix, low by an exclusive or. That is a
 * bijection on a domain that is hardly larger than n; a result of n or more goes through once more (cycle walking).
 * Three rounds show structure in tests of neighbouring indices, four still some, five none; there are six.
 *
 * The random functions have about sqrt(n) values, so a part of some length looks them up in tables; a short part of a
 * long permutation computes them. A short permutation is simply shuffled.
 */

/** Keys of a permutation: the same words, the same permutation. */
export type Key = readonly number[]

const ROUNDS = 6

/** Up to here the whole is shuffled (Fisher-Yates): all orders are alike likely, and nothing is saved by a part. */
const SHUFFLED = 4096

/** A bijection of 32-bit words in which every bit goes into every other: the best two-round one of hash-prospector. */
function mix(word: number): number {
  let h = word
  h ^= h >>> 16
  h = Math.imul(h, 0x21f0aaad)
  h ^= h >>> 15
  h = Math.imul(h, 0x735a2d97)
  return h ^ (h >>> 15)
}

/** A word of the random stream that the two key words name. */
function wordAt(key0: number, key1: number, at: number): number {
  return mix((mix((at + key0) | 0) + key1) | 0) >>> 0
}

/** Two key words for the use that `at` numbers. */
function subkey(key: Key, at: number): [number, number] {
  let a = mix(at | 0)
  let b = mix(~at)
  for (const word of key) {
    a = mix((a ^ word) + 0x9e3779b9)
    b = mix((b + a) ^ word)
  }
  return [a, b]
}

/** A number below `range` from a word: the bias is at most range / 2^32. */
function below(word: number, range: number): number {
  return Math.floor((word * range) / 4294967296)
}

/** The two halves of an index below n: index = high * 2^bits + low, low < lows = 2^bits, high < highs. */
interface Halves {
  bits: number
  lows: number
  highs: number
}

function halves(n: number): Halves {
  let bits = 0
  while (4 ** (bits + 1) <= n) bits++
  const lows = 2 ** bits
  return { bits, lows, highs: Math.ceil(n / lows) }
}

/**
 * The values of a permutation of 0 … n-1 at the positions start … start+out.length-1.
 *
 * @param n - 0 … 2^53-1; an Int32Array holds the values where n is at most 2^31
 */
export function permute(out: Int32Array | Float64Array, n: number, start: number, key: Key): void {
  if (n <= SHUFFLED) {
    shuffle(out, n, start, key)
    return
  }
  const h = halves(n)
  // A table costs one computed value for each entry, an index without tables one for each round.
  if (out instanceof Int32Array && h.lows + h.highs <= 2 * out.length) lookUp(out, n, start, key, h)
  else compute(out, n, start, key, h)
}

function shuffle(out: Int32Array | Float64Array, n: number, start: number, key: Key): void {
  const [key0, key1] = subkey(key, 0)
  const list = new Int32Array(n)
  for (let i = 0; i < n; i++) {
    const j = below(wordAt(key0, key1, i), i + 1)
    list[i] = list[j]
    list[j] = i
  }
  for (let k = 0; k < out.length; k++) out[k] = list[start + k]
}

/** For indices below 2^31, with the round functions in tables. */
function lookUp(out: Int32Array, n: number, start: number, key: Key, { bits, lows, highs }: Halves): void {
  const table = (round: number, entries: number, range: number, shift: number) => {
    const [key0, key1] = subkey(key, round)
    const values = new Int32Array(entries)
    for (let i = 0; i < entries; i++) values[i] = below(wordAt(key0, key1, i), range) - shift
    return values
  }
  // To the high half, highs is subtracted beforehand: then the sign tells whether it has to be added back.
  const f0 = table(0, lows, highs, highs)
  const f1 = table(1, highs, lows, 0)
  const f2 = table(2, lows, highs, highs)
  const f3 = table(3, highs, lows, 0)
  const f4 = table(4, lows, highs, highs)
  const f5 = table(5, highs, lows, 0)
  const mask = lows - 1
  for (let k = 0; k < out.length; k++) {
    let at = start + k
    do {
      let low = at & mask
      let high = at >> bits
      high += f0[low]
      high += highs & (high >> 31)
      low ^= f1[high]
      high += f2[low]
      high += highs & (high >> 31)
      low ^= f3[high]
      high += f4[low]
      high += highs & (high >> 31)
      low ^= f5[high]
      at = (high << bits) | low
    } while (at >= n)
    out[k] = at
  }
}

/** The same permutation for any n below 2^53, without tables. */
function compute(out: Int32Array | Float64Array, n: number, start: number, key: Key, { lows, highs }: Halves): void {
  const keys = Array.from({ length: ROUNDS }, (_, round) => subkey(key, round))
  for (let k = 0; k < out.length; k++) {
    let at = start + k
    do {
      let high = Math.floor(at / lows)
      let low = at - high * lows
      for (let round = 0; round < ROUNDS; round += 2) {
        const [a0, a1] = keys[round]
        high += below(wordAt(a0, a1, low), highs)
        if (high >= highs) high -= highs
        const [b0, b1] = keys[round + 1]
        low ^= below(wordAt(b0, b1, high), lows)
      }
      at = high * lows + low
    } while (at >= n)
    out[k] = at
  }
}
