// Draws clusters of places on a map, as SVG.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type GeoProjection, geoAlbersUsa, geoEqualEarth, geoPath } from 'd3-geo'
import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'

/** The maps to draw on: an outline that vega-datasets ships, and a projection that keeps areas. */
const MAPS = {
  us: { outline: 'us-10m.json', object: 'states', projection: (): GeoProjection => geoAlbersUsa() },
  world: { outline: 'world-110m.json', object: 'countries', projection: (): GeoProjection => geoEqualEarth() },
}
export type MapName = keyof typeof MAPS
export const mapNames = Object.keys(MAPS) as MapName[]

export interface Picture {
  map: MapName
  title: string
  subtitle: string
  /** Degrees of each place, and the cluster it belongs to. */
  places: [longitude: number, latitude: number][]
  nearest: ArrayLike<number>
  /** Degrees of each cluster's centre, and how many places it has. */
  centres: { at: [longitude: number, latitude: number]; places: number }[]
}

const WIDTH = 1200
const MARGIN = 30
const HEADER = 84
const FOOTER = 34
const COLOURS = [
  '#4e79a7',
  '#f28e2b',
  '#e15759',
  '#76b7b2',
  '#59a14f',
  '#b8930b',
  '#b07aa1',
  '#d37295',
  '#9c755f',
  '#39567d',
]

/** The directory of vega-datasets' files. */
export const DATA = new URL('../data/', import.meta.resolve('vega-datasets'))

/** Writes the picture to `file`. */
export async function draw(file: string, picture: Picture): Promise<void> {
  const { outline, object, projection: make } = MAPS[picture.map]
  const topology: Topology = JSON.parse(await readFile(new URL(outline, DATA), 'utf8'))
  const areas = topology.objects[object] as GeometryCollection

  const projection = make()
  const land = feature(topology, areas)
  const height = fitLand(projection, land)
  const path = geoPath(projection).digits(1)
  const colours = chooseColours(picture.centres.map(centre => projection(centre.at)))

  const dots: string[] = picture.centres.map(() => '')
  // The more places, the smaller their dots.
  const dot = Math.min(3.4, Math.max(1.9, 400 / Math.sqrt(picture.places.length)))
  let outside = 0
  picture.places.forEach((place, i) => {
    const at = projection(place)
    if (at) dots[picture.nearest[i]] += `M${at[0].toFixed(1)} ${at[1].toFixed(1)}h0`
    else outside++
  })
  // The area of a circle is in proportion to its number of places.
  const scale = 13 / Math.sqrt(Math.max(...picture.centres.map(centre => centre.places)))
  const circles = picture.centres.map(({ at, places }, j) => {
    const xy = projection(at)
    const radius = Math.max(2.5, scale * Math.sqrt(places)).toFixed(1)
    return xy && `<circle cx="${xy[0].toFixed(1)}" cy="${xy[1].toFixed(1)}" r="${radius}" fill="${colours[j]}"/>`
  })

  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${MARGIN}" y="42" font-size="26" font-weight="bold" fill="#222">${escapeXml(picture.title)}</text>
<text x="${MARGIN}" y="68" font-size="15" fill="#555">${escapeXml(picture.subtitle)}</text>
<path d="${path(land)}" fill="#f1efea"/>
<g fill="none" stroke-width="${dot.toFixed(1)}" stroke-linecap="round">
${dots.map((d, j) => d && `<path d="${d}" stroke="${colours[j]}"/>`).join('\n')}
</g>
<path d="${path(mesh(topology, areas))}" fill="none" stroke="#8a8780" stroke-width="0.6" stroke-linejoin="round"/>
<g stroke="#fff" stroke-width="1.6">
${circles.filter(Boolean).join('\n')}
</g>
<text x="${MARGIN}" y="${height - 14}" font-size="12" fill="#777">Dots: places, in the colour of their cluster. Circles: the clusters' centres, their area in proportion to their places.${outside ? ` ${outside} places lie outside the map.` : ''}</text>
</svg>
`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, svg)
}

/** Fits the land into the picture's width, and returns the picture's height. */
function fitLand(projection: GeoProjection, land: ReturnType<typeof feature>): number {
  projection.fitWidth(WIDTH - 2 * MARGIN, land)
  const [[, top], [, bottom]] = geoPath(projection).bounds(land)
  const [x, y] = projection.translate()
  projection.translate([x + MARGIN, y + HEADER - top])
  return Math.ceil(HEADER + bottom - top + FOOTER)
}

/** Gives each centre the colour whose nearest other bearer is farthest away. */
function chooseColours(centres: ([number, number] | null)[]): string[] {
  const bearers: [number, number][][] = COLOURS.map(() => [])
  return centres.map(centre => {
    if (!centre) return COLOURS[0]
    const gaps = bearers.map(others => Math.min(...others.map(([x, y]) => Math.hypot(x - centre[0], y - centre[1]))))
    const best = gaps.indexOf(Math.max(...gaps))
    bearers[best].push(centre)
    return COLOURS[best]
  })
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
