// Asynchronous tasks: workers that wait for files, and runs that queue.
//
//   node build/examples/async-tasks.mjs [file...]     # the README and the licence unless told
//
// A task may be an async function. While it awaits, its process serves other callbacks, so the locks are taken by
// their asynchronous forms. Main is free, too, and may queue a second run at once.
import { readFile } from 'node:fs/promises'
import { Cluster, type Resource } from 'tsdsm'

/** What each worker runs: counts the letters of its share of the files. Returns the names it has read. */
export async function count(res: Resource, files: string[]): Promise<string[]> {
  const letters = res.getShared('letters')
  const read: string[] = []
  for (const i of res.splitIndices(files.length, { random: false })) {
    const text = await readFile(files[i], 'utf8')
    await res.lock.withLockAsync(() => {
      for (const letter of text.toLowerCase()) {
        const index = letter.charCodeAt(0) - 'a'.charCodeAt(0)
        if (index >= 0 && index < 26) letters[index]++
      }
    })
    read.push(files[i])
  }
  return read
}

/** A second task: worker 0 tells which letter is the most frequent. */
export function winner(res: Resource): string | undefined {
  if (res.id !== 0) return undefined
  const letters = res.getShared('letters')
  return String.fromCharCode('a'.charCodeAt(0) + letters.indexOf(Math.max(...letters)))
}

if (Cluster.isMain(import.meta.url)) {
  const files = process.argv.length > 2 ? process.argv.slice(2) : ['README.md', 'LICENSE']
  await Cluster.run(2, async cluster => {
    const letters = cluster.createShared('letters', 26)
    // The second run waits for the first: runs of one cluster are done in order.
    const [read, [letter]] = await Promise.all([cluster.runProcesses(count, [files]), cluster.runProcesses(winner)])
    read.forEach((names, id) => {
      console.log(`Worker ${id} read ${names.join(', ') || 'nothing'}`)
    })
    console.log(`${letters.reduce((sum, x) => sum + x)} letters, most often ${letter}`)
  })
}
