// The sieve of Eratosthenes on a wheel of 30: a byte stands for 30 numbers, and its eight bits for those of them that
// neither 2 nor 3 nor 5 divides. So the numbers up to 10^9 take 33 MB, and are sieved in blocks that fit into a cache.

/** What the bits of byte i stand for, from the lowest on: 30 i + 1, 30 i + 7, … */
const RESIDUES = [1, 7, 11, 13, 17, 19, 23, 29]

/** The largest limit: up to here the index of a byte, and of one that is a prime's length farther, is below 2^31. */
export const LARGEST = 6e10
/** The bytes that are sieved in one go: half of a usual second-level cache. */
export const BLOCK = 2 ** 19
/** Small primes come by often: they take parts of a block that fit into a first-level cache. */
const PART = 2 ** 15
const SMALL = 1000
/** The smallest primes are crossed out in a pattern that repeats itself after as many bytes as their product. */
const SMALLEST = [7, 11, 13, 17, 19]
const PERIOD = SMALLEST.reduce((product, p) => product * p)

/** The bit of each number modulo 30; none for those that are not on the wheel. */
const BIT = new Uint8Array(30)
RESIDUES.forEach((residue, k) => {
  BIT[residue] = 1 << k
})

/** The bits of 0 to `last` modulo 30. */
function bitsUpTo(last: number): number {
  return BIT.subarray(0, last + 1).reduce((bits, bit) => bits | bit)
}

// The multiples of p = 30 a + r that are on the wheel are p (30 b + w), w being one of the residues: bits of the bytes
// p b + a w + ⌊r w / 30⌋. For each r and w, CARRY has this last term, and KEEP the byte without the bit.
const CARRY = new Uint8Array(30 * 8)
const KEEP = new Uint8Array(30 * 8)
for (const r of RESIDUES) {
  RESIDUES.forEach((w, k) => {
    CARRY[8 * r + k] = (r * w) / 30
    KEEP[8 * r + k] = ~BIT[(r * w) % 30]
  })
}

/**
 * Crosses out the multiples of p, and p itself, in the bytes `from` to `to` - 1. They come in rows of p bytes, each with
 * eight multiples, whose places and bits are the same in every row.
 */
function crossOut(bits: Uint8Array, p: number, from: number, to: number): void {
  const a = Math.floor(p / 30)
  const at = 8 * (p % 30)
  const i0 = a
  const i1 = 7 * a + CARRY[at + 1]
  const i2 = 11 * a + CARRY[at + 2]
  const i3 = 13 * a + CARRY[at + 3]
  const i4 = 17 * a + CARRY[at + 4]
  const i5 = 19 * a + CARRY[at + 5]
  const i6 = 23 * a + CARRY[at + 6]
  const i7 = 29 * a + CARRY[at + 7]
  const k0 = KEEP[at]
  const k1 = KEEP[at + 1]
  const k2 = KEEP[at + 2]
  const k3 = KEEP[at + 3]
  const k4 = KEEP[at + 4]
  const k5 = KEEP[at + 5]
  const k6 = KEEP[at + 6]
  const k7 = KEEP[at + 7]

  let row = from - (from % p)
  if (row < from) {
    crossOutPart(bits, p, row, from, to)
    row += p
  }
  // The sums are below 2^31; with `| 0` V8 knows it, and does not check.
  for (const last = to - p; row <= last; row += p) {
    bits[(row + i0) | 0] &= k0
    bits[(row + i1) | 0] &= k1
    bits[(row + i2) | 0] &= k2
    bits[(row + i3) | 0] &= k3
    bits[(row + i4) | 0] &= k4
    bits[(row + i5) | 0] &= k5
    bits[(row + i6) | 0] &= k6
    bits[(row + i7) | 0] &= k7
  }
  if (row < to) crossOutPart(bits, p, row, from, to)
}

/** The same in a row that begins before `from`, or ends after `to`. */
function crossOutPart(bits: Uint8Array, p: number, row: number, from: number, to: number): void {
  const a = Math.floor(p / 30)
  const at = 8 * (p % 30)
  for (let k = 0; k < 8; k++) {
    const i = row + a * RESIDUES[k] + CARRY[at + k]
    if (i >= from && i < to) bits[i] &= KEEP[at + k]
  }
}

/** How many bytes the numbers up to a limit take. */
export function bytesFor(limit: number): number {
  return Math.floor(limit / 30) + 1
}

/** The sieve of the numbers up to a limit. Its blocks may be sieved in any order, by anyone. */
export class Sieve {
  readonly #limit: number
  /** The primes up to the limit's square root that neither the wheel nor the pattern has. */
  readonly #bases: Int32Array
  readonly #pattern: Uint8Array

  constructor(limit: number) {
    this.#limit = limit
    this.#bases = primesBetween(SMALLEST[SMALLEST.length - 1] + 1, Math.sqrt(limit))
    this.#pattern = new Uint8Array(PERIOD + PART).fill(255)
    for (const p of SMALLEST) crossOut(this.#pattern, p, 0, this.#pattern.length)
  }

  /** Sieves bytes `from` to `to` - 1 of all of them: afterwards a bit that is set says that its number is prime. */
  block(bits: Uint8Array, from: number, to: number): void {
    const firstLarge = this.#bases.findIndex(p => p >= SMALL)
    const large = firstLarge < 0 ? this.#bases.length : firstLarge
    for (let part = from; part < to; part += PART) {
      const end = Math.min(part + PART, to)
      const phase = part % PERIOD
      bits.set(this.#pattern.subarray(phase, phase + end - part), part)
      this.#crossOut(bits, 0, large, part, end)
    }
    this.#crossOut(bits, large, this.#bases.length, from, to)

    // The number 1 is not prime, and those below 30 have crossed out themselves.
    if (from === 0) bits[0] = bitsUpTo(29) & ~BIT[1]
    if (to === bits.length) bits[to - 1] &= bitsUpTo(this.#limit % 30)
  }

  /** Crosses out the multiples of some of the bases. Those before row ⌊p / 30⌋ have a factor that is smaller than p. */
  #crossOut(bits: Uint8Array, first: number, last: number, from: number, to: number): void {
    for (let k = first; k < last; k++) {
      const p = this.#bases[k]
      const row = p * Math.floor(p / 30)
      if (row < to) crossOut(bits, p, Math.max(row, from), to)
    }
  }
}

/** How many bits are set in the bytes `from` to `to` - 1; `from` is a multiple of 4. */
export function count(bits: Uint8Array, from: number, to: number): number {
  const whole = (to - from) >> 2
  const words = new Uint32Array(bits.buffer, bits.byteOffset + from, whole)
  let sum = 0
  for (let i = 0; i < whole; i++) sum += bitsOf(words[i])
  for (let i = from + 4 * whole; i < to; i++) sum += bitsOf(bits[i])
  return sum
}

/** Sums of 2, 4 and 8 neighbouring bits, side by side; the multiplication adds up the last ones. */
function bitsOf(word: number): number {
  let sums = word - ((word >>> 1) & 0x55555555)
  sums = (sums & 0x33333333) + ((sums >>> 2) & 0x33333333)
  return Math.imul((sums + (sums >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** The largest number on the wheel whose bit is set, or 0. */
export function largest(bits: Uint8Array): number {
  let i = bits.length - 1
  while (i > 0 && bits[i] === 0) i--
  return Math.max(0, ...RESIDUES.filter(residue => bits[i] & BIT[residue]).map(residue => 30 * i + residue))
}

/** The few primes from `first` to `last`, by the sieve as everybody knows it. */
function primesBetween(first: number, last: number): Int32Array {
  const composite = new Uint8Array(Math.floor(last) + 1)
  const primes: number[] = []
  for (let p = 2; p <= last; p++) {
    if (composite[p]) continue
    if (p >= first) primes.push(p)
    for (let i = p * p; i <= last; i += p) composite[i] = 1
  }
  return Int32Array.from(primes)
}
