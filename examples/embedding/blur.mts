// An image is painted in TypeScript and blurred in Rust, by the same workers, over the same memory, under the same lock.
import { Cluster, type Resource } from 'tsdsm'
import { blur } from './index.js'

const [ROWS, COLUMNS] = [480, 640]

/** Each worker paints a disc of light into the image; where two of them meet, the light adds up. */
function paint(res: Resource): void {
  const image = res.getShared('image', 'float32')
  const centre = { x: (COLUMNS * (res.id + 1)) / (res.size + 1), y: ROWS / 2 }
  const radius = COLUMNS / (res.size + 1)
  // Not `image[i] += 1` alone: another worker could do the same between the load and the store.
  res.lock.withLock(() => {
    for (let y = 0; y < ROWS; y++) {
      for (let x = 0; x < COLUMNS; x++) {
        if (Math.hypot(x - centre.x, y - centre.y) < radius) image[y * COLUMNS + x] += 1
      }
    }
  })
  res.barrier()
}

export function develop(res: Resource): number {
  paint(res)
  const image = res.getShared('image', 'float32')
  const total = res.getShared('total', 'float64')
  // Rust takes the run's lock and comes to its barrier as this very worker.
  blur(res.handle(), image.handle(), 'once', total.handle())
  // The addon has made that array: here it is one like any other.
  const once = res.getShared('once', 'float32')
  return blur(res.handle(), once.handle(), 'twice', total.handle())
}

if (Cluster.isMain(import.meta.url)) {
  await Cluster.run(2, async cluster => {
    const image = cluster.createShared('image', [ROWS, COLUMNS], 'float32')
    const total = cluster.createShared('total', 1, 'float64')
    const shares = await cluster.runProcesses(develop)
    const twice = cluster.getShared('twice', 'float32')
    console.log(`light painted in TypeScript: ${sum(image)}`)
    console.log(`light after two blurs in Rust: ${sum(twice)}, of which ${shares.join(' and ')} by each worker`)
    console.log(`light of both, counted under the lock: ${total[0]}`)
  })
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0)
}
