// Plain JavaScript loops over shared arrays, against the same loops over plain typed arrays.
import { Cluster } from 'tsdsm'
import { compare, micro, type Options, type Row, type Side } from '../harness.mts'

type Numbers = Int32Array | Float64Array
type Loop = (a: Numbers, b: Numbers) => number

const loops: Readonly<Record<string, string>> = {
  'b[i] = a[i] + b[i]': 'for (let i = 0; i < a.length; i++) b[i] = a[i] + b[i]; return b[0]',
  'sum += a[i]': 'let sum = 0; for (let i = 0; i < a.length; i++) sum += a[i]; return sum',
}
const sizes: readonly [string, number][] = [
  ['16 KiB each', 2 ** 11],
  ['8 MB each', 10 ** 6],
]

export default async function run(options: Options): Promise<Row[]> {
  const milliseconds = options.quick ? 5 : 100
  const rows: Row[] = []
  const cluster = await Cluster.start(1)
  try {
    for (const [size, length] of sizes) {
      const shared = ['a', 'b'].map(name => cluster.createShared(`${name}${length}`, length, 'float64'))
      const plain = ['a', 'b'].map(() => new Float64Array(length))
      for (const [name, body] of Object.entries(loops)) {
        rows.push(
          await compare(
            { work: `${name}, float64, ${size}` },
            looping('shared array', body, shared, milliseconds),
            [{ side: looping('plain typed array', body, plain, milliseconds), target: { timesAsFast: 0.98 } }],
            options,
          ),
        )
      }
    }
  } finally {
    await cluster.close()
  }
  return rows
}

function looping(name: string, body: string, arrays: readonly Numbers[], milliseconds: number): Side {
  // A function for each side: one that has seen both kinds of array would be slower for both. Functions of the same text
  // are the same to V8, and share what it has seen.
  const loop = new Function('a', 'b', `${body} // ${name}`) as Loop
  const [a, b] = arrays
  a.fill(1)
  b.fill(0)
  return { name, round: () => micro(() => void loop(a, b), milliseconds) }
}
