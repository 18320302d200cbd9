import { native } from './native.js'

/**
 * How many cores this process may use: those of its CPU affinity, less where its control group has a quota. What
 * {@link Cluster.start} takes when it is given no number.
 */
export function usableCores(): number {
  return native.usableCores()
}
