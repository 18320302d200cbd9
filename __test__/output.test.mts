import test from 'ava'
import { Cluster } from 'tsdsm'
import { ref } from './fixtures/tasks.mjs'
import { fixture, runProgram } from './helpers/process.mjs'

const WORKERS = 3
const LINES = 25

/** Lines in the output, sorted, each with how often it came. */
function tally(text: string): Map<string, number> {
  const lines = new Map<string, number>()
  for (const line of text.split('\n').slice(0, -1)) lines.set(line, (lines.get(line) ?? 0) + 1)
  return lines
}

for (const mode of ['inherit', 'prefix', 'pipe']) {
  // 5000 bytes are more than a pipe takes at once without mixing writers; 100,000 more than it holds.
  for (const length of [10, 5000, 100_000]) {
    test.serial(`lines of ${length} bytes that ${WORKERS} workers print at once stay whole: ${mode}`, async t => {
      const { stdout, stderr, code } = await runProgram([
        fixture('output-lines.mjs'),
        mode,
        String(WORKERS),
        String(LINES),
        String(length),
      ])
      t.is(code, 0, stderr)
      const lines = tally(stdout)
      t.is(lines.get('main goes on'), 1)
      for (let id = 0; id < WORKERS; id++) {
        const line = `${mode === 'prefix' ? `[${id}] ` : ''}${String.fromCharCode(97 + id).repeat(length)}`
        t.is(lines.get(line), LINES, `worker ${id}`)
      }
      t.is(lines.size, WORKERS + 1, 'and nothing else was printed')
      if (mode === 'inherit') t.is(stderr, 'unfinished')
      if (mode === 'prefix') t.is(stderr, '[0] unfinished\n')
      if (mode === 'pipe') t.is(stderr, '')
    })
  }
}

test.serial('what the workers print is there before the run resolves', async t => {
  const { stdout } = await runProgram([fixture('output-lines.mjs'), 'inherit', '2', '1', '3'])
  t.regex(stdout, /^(aaa\nbbb|bbb\naaa)\nmain goes on\n$/)
})

test.serial('with output pipe the cluster has both streams, and they end when it is closed', async t => {
  const cluster = await Cluster.start(2, { output: 'pipe' })
  const texts = ['', '']
  const ended = [cluster.stdout, cluster.stderr].map(
    (stream, i) =>
      new Promise<void>(resolve => {
        stream
          ?.setEncoding('utf8')
          .on('data', text => {
            texts[i] += text
          })
          .once('end', resolve)
      }),
  )
  await cluster.runProcesses(ref.print, [1, 3])
  await cluster.close()
  await Promise.all(ended)
  t.deepEqual([texts[0].split('\n').sort(), texts[1]], [['', 'aaa', 'bbb'], 'unfinished'])
})

test.serial('output that nobody reads blocks no worker', async t => {
  await using cluster = await Cluster.start(1, { output: 'pipe' })
  await cluster.runProcesses(ref.print, [100, 100_000])
  t.pass()
})

test.serial('without pipe there are no streams', async t => {
  await using cluster = await Cluster.start(1)
  t.is(cluster.stdout, null)
  t.is(cluster.stderr, null)
})
