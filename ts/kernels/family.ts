/**
 * What the families of kernels have in common. Each is an interface with one documented signature for each kernel, of
 * which the asynchronous form is made by type, and a function that makes both forms.
 */

/** Ways to run a kernel. */
export type Way = 'sync' | 'async'

/** What a kernel gives: a promise of it where it runs asynchronously. */
export type When<W, T> = W extends 'async' ? Promise<T> : T

/** The kernels of a family under their asynchronous names: `add` is `addAsync`. */
export type Asynchronous<Family> = { [Name in keyof Family & string as `${Name}Async`]: Family[Name] }

/** A kernel as JavaScript may call it: with anything. */
export type Implementation = (...args: unknown[]) => unknown

/** Kernels by name. */
export type Implementations = Readonly<Record<string, Implementation>>
