// Every promise of docs/promises.md names tests that there are.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const page = await readFile(join(ROOT, 'docs/promises.md'), 'utf8')
const named = [...page.matchAll(/`(ts|core)` (.+?)(?=<br>| \|$)/gm)]

/** The texts of all files of a folder with this ending. */
async function texts(folder: string, ending: string): Promise<string> {
  const files = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })
  const wanted = files.filter(file => file.isFile() && file.name.endsWith(ending))
  return (await Promise.all(wanted.map(file => readFile(join(file.parentPath, file.name), 'utf8')))).join('\n')
}

test('every promise has tests', async t => {
  t.true(named.length > 80)
  const titles = await texts('__test__', '.test.mts')
  const functions = await texts('crates/core/tests', '.rs')
  for (const [, where, name] of named) {
    const has = where === 'ts' ? titles.includes(name) : functions.includes(`fn ${name}(`)
    t.true(has, `${where}: ${name}`)
  }
})

test('every line of the tables names one', t => {
  const lines = page.split('\n').filter(line => /^\| (?!promise|complaint)/.test(line))
  t.true(lines.length > 60)
  for (const line of lines) t.regex(line, /`(ts|core)` /, line)
})
