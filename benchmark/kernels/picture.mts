// The cost per element over the number of elements, as a picture: one panel for each kernel, one line for each side.
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { type Figures, isSkipped, type Row } from '../harness.mts'

/** Draws rows that have a point; the figures are medians. */
export async function picture(rows: readonly Row[]): Promise<string> {
  const values = rows.flatMap(({ point, ours, peers }) => {
    const sides = [ours, ...peers.map(({ peer }) => peer)].filter((side): side is Figures => !isSkipped(side))
    return point
      ? sides.map(({ name, median }) => ({
          curve: point.curve,
          size: point.size,
          side: name,
          cost: median / point.operations,
        }))
      : []
  })
  const sides = [...new Set(values.map(({ side }) => side))]
  const spec: TopLevelSpec = {
    background: 'white',
    data: { values },
    facet: { field: 'curve', title: null, sort: [...new Set(values.map(({ curve }) => curve))] },
    columns: 4,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: {
      width: 230,
      height: 170,
      mark: { type: 'line', point: true },
      encoding: {
        x: {
          field: 'size',
          type: 'quantitative',
          scale: { type: 'log', nice: false },
          axis: { title: 'n', format: '~s', tickCount: 4, grid: false },
        },
        y: {
          field: 'cost',
          type: 'quantitative',
          scale: { type: 'log' },
          axis: { title: 'ns per element', format: '~g', tickCount: 4 },
        },
        color: {
          field: 'side',
          type: 'nominal',
          sort: sides,
          scale: { range: ['#d62728', '#1f77b4', '#888888'] },
          legend: { title: null, orient: 'top', labelLimit: 0 },
        },
      },
    },
  }
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}
