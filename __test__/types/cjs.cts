// The same package from CommonJS: one instance, the same types. Compiled by scripts/test-types, never run.
import tsdsm = require('tsdsm')

export function twice(res: tsdsm.Resource, values: Float64Array): Float64Array {
  return values.map(value => 2 * value * res.size)
}

export async function main(): Promise<Float64Array[]> {
  if (!tsdsm.Cluster.isMain(module)) return []
  return tsdsm.Cluster.run(2, cluster => cluster.runProcesses(twice, [new Float64Array(4)]))
}

export async function sameInstance(): Promise<boolean> {
  const { Cluster } = await import('tsdsm')
  const same: typeof tsdsm.Cluster = Cluster
  return same === tsdsm.Cluster
}
