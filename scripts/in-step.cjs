// Ends with 0 when node_modules holds what package-lock.json asks for, with 1 when `npm ci` is needed.
// npm notes what it installed in node_modules/.package-lock.json; packages for other platforms are left out there.
const { existsSync, readFileSync } = require('node:fs')

const read = file => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {})
const wanted = Object.entries(read('package-lock.json')).filter(([path]) => path !== '')
const installed = read('node_modules/.package-lock.json')
const out = wanted.filter(([path, { version, optional }]) =>
  installed[path] ? installed[path].version !== version : !optional,
)
process.exitCode = wanted.length > 0 && out.length === 0 ? 0 : 1
