// The licence texts of the Rust crates that are compiled into the addon.
const { execFileSync } = require('node:child_process')
const { readdirSync, readFileSync } = require('node:fs')
const { dirname, join } = require('node:path')

/** All of them as one text for one of Rust's targets, each licence's text once, below the crates that it is of. */
exports.licences = target => {
  const texts = new Map()
  for (const crate of crates(target)) {
    const folder = dirname(crate.manifest_path)
    const files = readdirSync(folder).filter(name => /^(licen[cs]e|copying|notice|unlicense)/i.test(name))
    const title = `${crate.name} ${crate.version} (${crate.license}), ${crate.repository ?? 'https://crates.io'}`
    // A crate that brings no text is named with the licence that it declares.
    for (const text of files.length > 0 ? files.map(name => readFileSync(join(folder, name), 'utf8').trim()) : ['']) {
      texts.set(text, [...(texts.get(text) ?? []), title])
    }
  }
  const sections = [...texts].map(([text, titles]) => [...titles.sort(), '', text].join('\n').trim())
  return `${['The addon contains these Rust crates.', ...sections].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

/** What the addon is linked from, without what only builds or tests it, and without our own crates. */
function crates(target) {
  const metadata = JSON.parse(
    execFileSync('cargo', ['metadata', '--format-version', '1', '--locked', '--filter-platform', target], {
      cwd: join(__dirname, '..'),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    }),
  )
  const nodes = new Map(metadata.resolve.nodes.map(node => [node.id, node]))
  const isMacro = ({ targets }) => targets.some(({ kind }) => kind.includes('proc-macro'))
  const macros = new Set(metadata.packages.filter(isMacro).map(({ id }) => id))
  const found = new Set()
  const visit = id => {
    if (found.has(id) || macros.has(id)) return
    found.add(id)
    for (const { pkg, dep_kinds } of nodes.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg)
  }
  visit(metadata.packages.find(({ name }) => name === 'tsdsm-node').id)
  return metadata.packages
    .filter(({ id, source }) => found.has(id) && source !== null)
    .sort((a, b) => a.name.localeCompare(b.name))
}
