/**
 * Matrices.
 */
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementations, Way, When } from './family.js'
import { indexList } from './indices.js'
import type { ArrayOperand, IndexOperand } from './operands.js'
import { common, given, RANGED, type RangeOptions } from './options.js'
import { kernelNamed } from './table.js'

/** Options of {@link Linear.matmul}. */
export interface MatmulOptions extends RangeOptions {
  /** The rows of `a` and of `out` that are computed, each once, in any order; the others are not touched. */
  rows?: IndexOperand
}

/** Matrices. */
export interface Linear<W extends Way> {
  /**
   * The matrix product a b: (…, m, k) times (…, k, n) into (…, m, n), where the axes before are broadcast and a vector
   * stands for a matrix without m or n. An element of the result has the same bits whatever the threads, the range and the
   * rows. 2 m n k operations; `out` must not overlap `a` or `b`. NumPy: `matmul`.
   */
  matmul: <Out extends ArrayOperand>(
    out: Out,
    a: ArrayOperand,
    b: ArrayOperand,
    options?: MatmulOptions,
  ) => When<W, Out>
}

const MATMUL = [...RANGED, 'rows']

/** All of them. */
export function linear(mode: Mode): Implementations {
  const matmul = kernelNamed('matmul')
  return {
    matmul: (out, a, b, options) => {
      const read = given(matmul, options, MATMUL)
      const rows = read.rows === undefined ? ABSENT : indexList(matmul, read.rows)
      return mode.give(invoke(mode, matmul, common(matmul, read), out, a, b, rows), out)
    },
  }
}
