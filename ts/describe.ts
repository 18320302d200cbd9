/** Text of any value for an error's message; never throws, never long. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'string':
      return value.length > 64 ? `'${value.slice(0, 61)}...'` : `'${value}'`
    case 'function':
      return value.name === '' ? 'an unnamed function' : value.name
    case 'symbol':
      return 'a symbol'
    default:
      if (value === null) return 'null'
      return Array.isArray(value) ? 'a list' : 'an object'
  }
}

/** Text of a list of values. */
export function describeList(values: readonly unknown[]): string {
  return `[${values.map(describe).join(', ')}]`
}
