// Reads places, given by latitude and longitude in degrees, from a CSV file.
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { geoDistance } from 'd3-geo'

/** Mean radius of the Earth in metres. */
const EARTH = 6_371_009

export interface Places {
  /** Degrees, `[longitude, latitude]` of each place. */
  degrees: [longitude: number, latitude: number][]
  /** Rows of the file that have no usable coordinates. */
  skipped: number
}

/** Reads the columns `latitude` and `longitude` of a CSV file with a header line. */
export async function readPlaces(file: string): Promise<Places> {
  const degrees: Places['degrees'] = []
  let skipped = 0
  const parser = parse({ columns: header => checked(header, file), bom: true, trim: true })
  await pipeline(createReadStream(file), parser, async (rows: AsyncIterable<Record<string, string>>) => {
    for await (const row of rows) {
      // An empty field is a missing coordinate, not zero.
      const latitude = row.latitude === '' ? Number.NaN : Number(row.latitude)
      const longitude = row.longitude === '' ? Number.NaN : Number(row.longitude)
      if (Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) degrees.push([longitude, latitude])
      else skipped++
    }
  })
  return { degrees, skipped }
}

function checked(header: string[], file: string): string[] {
  for (const column of ['latitude', 'longitude']) {
    if (!header.includes(column)) throw new Error(`${file} has no column "${column}", but: ${header.join(', ')}`)
  }
  return header
}

/**
 * The point of the Earth's surface in metres from its centre, rounded to whole metres:
 * sums of whole numbers below 2^53 are exact, whatever the order in which they are added.
 */
export function toMetres([longitude, latitude]: [number, number]): [x: number, y: number, z: number] {
  const [lambda, phi] = [(longitude * Math.PI) / 180, (latitude * Math.PI) / 180]
  return [
    Math.round(EARTH * Math.cos(phi) * Math.cos(lambda)),
    Math.round(EARTH * Math.cos(phi) * Math.sin(lambda)),
    Math.round(EARTH * Math.sin(phi)),
  ]
}

/** Longitude and latitude of the surface point above (x, y, z). */
export function toDegrees(x: number, y: number, z: number): [longitude: number, latitude: number] {
  return [(Math.atan2(y, x) * 180) / Math.PI, (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI]
}

/** The distance in metres along the surface. */
export function distance(a: [number, number], b: [number, number]): number {
  return geoDistance(a, b) * EARTH
}
