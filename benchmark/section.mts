// One section, in a process of its own: section.mjs NAME OPTIONS. What one does to V8 must not be seen by the next; a
// typed array's loop is slower for ever once any buffer has been detached, as closing a shared array does.
import type { Options, Section } from './harness.mts'
import { idleShare } from './machine.mts'
import { lines } from './report.mts'

const [name, options] = process.argv.slice(2)
const section: Section = await import(`./sections/${name}.mjs`)
const idle = await idleShare()
console.log(`\n${name}: the cores are ${Math.round(100 * idle)} % idle`)
const rows = await section.default(JSON.parse(options) as Options)
console.log(lines(rows).join('\n'))
process.send?.({ idle, rows, picture: await section.picture?.(rows) })
