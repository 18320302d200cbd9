// What several examples need of their command line.
import { InvalidArgumentError } from 'commander'

/** Parses a whole number from 1 upwards. */
export function positive(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It has to be a whole number from 1.')
  return value
}
