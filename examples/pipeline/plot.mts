// Draws what the pipeline has found, as SVG.
import { writeFile } from 'node:fs/promises'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

export interface Plot {
  title: string
  subtitle: string
  /** Flights of each hour of the day, and their mean delay in minutes. */
  hours: { hour: number; flights: number; delay: number }[]
  /** The fitted curve. */
  curve: { hour: number; delay: number }[]
}

/** Writes the picture to `file`. */
export async function plot(file: string, { title, subtitle, hours, curve }: Plot): Promise<void> {
  const spec: TopLevelSpec = {
    width: 760,
    height: 360,
    background: 'white',
    title: { text: title, subtitle, anchor: 'start', fontSize: 18, subtitleColor: '#555' },
    encoding: {
      x: {
        field: 'hour',
        type: 'quantitative',
        scale: { domain: [0, 24], nice: false },
        axis: { title: 'departure, hour of the day', tickCount: 12, grid: false },
      },
      y: { field: 'delay', type: 'quantitative', scale: { domain: [-10, 50] }, title: 'delay in minutes' },
    },
    layer: [
      {
        data: { values: hours.map(({ hour, ...rest }) => ({ hour: hour + 0.5, ...rest })) },
        mark: { type: 'circle', color: '#4e79a7', opacity: 0.8, clip: true },
        encoding: {
          size: { field: 'flights', type: 'quantitative', scale: { rangeMax: 400 }, legend: { title: 'flights' } },
        },
      },
      { data: { values: curve }, mark: { type: 'line', color: '#e15759', clip: true } },
    ],
  }
  await writeFile(file, await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG())
}
